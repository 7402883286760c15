import { type ConfigFields, isCount } from "../config-fields.ts";

/** A token that is looked for in the text itself, before the text is split into words. */
export interface AddedToken {
  readonly content: string;
  readonly id: number;
  /** Whether it is found only where no letter or digit is next to it. */
  readonly isSingleWord: boolean;
  /** Whether it takes the white space before it along. */
  readonly isLeftStripped: boolean;
  readonly isRightStripped: boolean;
  /** Whether it is looked for in the normalised text. */
  readonly isNormalized: boolean;
  readonly isSpecial: boolean;
}

/** The `added_tokens` of tokenizer.json, special ones first. Their ids are those of the vocabulary where it has them, and follow
 *  it otherwise, whatever the file says: so the Rust library does it. */
export function readAddedTokens(
  file: ConfigFields,
  vocabulary: ReadonlyMap<string, number>,
): AddedToken[] {
  if (!file.has("added_tokens")) return [];
  const entries = file.objects("added_tokens");
  const inOrder = entries
    .map((entry) => ({ entry, id: entry.count("id") }))
    .sort((a, b) => a.id - b.id);
  const tokens = new Map<string, AddedToken>();
  let nextId = vocabulary.size;
  for (const { entry } of inOrder) {
    const content = entry.text("content");
    if (content === "" || tokens.has(content)) continue;
    const known = vocabulary.get(content);
    const id = known ?? nextId;
    // Those that follow the vocabulary follow the highest of the added ones.
    nextId = Math.max(nextId, id + 1);
    if (!isCount(id)) throw entry.malformed("id", "a smaller number");
    const isSpecial = entry.flag("special", false);
    tokens.set(content, {
      content,
      id,
      isSingleWord: entry.flag("single_word", false),
      isLeftStripped: entry.flag("lstrip", false),
      isRightStripped: entry.flag("rstrip", false),
      isNormalized: entry.flag("normalized", !isSpecial),
      isSpecial,
    });
  }
  const all = [...tokens.values()];
  return [...all.filter(({ isSpecial }) => isSpecial), ...all.filter((token) => !token.isSpecial)];
}
