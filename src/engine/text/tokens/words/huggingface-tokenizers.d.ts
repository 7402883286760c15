// What we use of @huggingface/tokenizers. Its own declarations import one another without extensions, which TypeScript does not
// resolve for packages that are modules. tsconfig.json names this file in their place.

export class SplitPreTokenizer {
  constructor(config: {
    readonly type: "Split";
    readonly pattern: { readonly Regex: string };
    readonly behavior: string;
    readonly invert: boolean;
  });
  /** Global; null for a pattern that it does not know. */
  readonly pattern: RegExp | null;
}
