import type { TokenList } from "./models/token-list.ts";
import { specialCount, type Template, type TemplatePart } from "./sequence/template.ts";
import { trimOffsets } from "./sequence/trim-offsets.ts";
import { keepTokens } from "./sequence/truncation.ts";
import type {
  Encoded,
  EncodeItem,
  EncodeOptions,
  OffsetOptions,
  TextTokenizer,
  TokenFault,
  TokenPlace,
} from "./text-tokenizer.ts";
import { TextPipeline, type TokenizerParts } from "./tokenize-text.ts";

export interface PipelineOptions extends TokenizerParts {
  readonly template: Template;
  /** Whether the model knows token types other than 0. */
  readonly hasTypes: boolean;
  readonly padId: number;
  /** Of one input, special tokens included. */
  readonly maxTokens: number;
  readonly truncateSide: "left" | "right";
}

/** A tokenizer made of the parts of a tokenizer.json. */
export class PipelineTokenizer implements TextTokenizer {
  readonly vocabularySize: number;
  readonly padId: number;
  readonly unknownId: number | undefined;
  readonly subwordPrefix: string | undefined;
  readonly #options: PipelineOptions;
  readonly #pipeline: TextPipeline;
  /** By id; made when it is first asked for. */
  #pieces: Map<number, string> | undefined;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#pipeline = new TextPipeline(options);
    this.padId = options.padId;
    this.unknownId = options.model.unknownId;
    this.subwordPrefix = options.model.subwordPrefix;
    let size = options.padId + 1;
    for (const id of options.model.vocabulary.values()) size = Math.max(size, id + 1);
    for (const { id } of options.addedTokens) size = Math.max(size, id + 1);
    for (const part of [...options.template.single, ...options.template.pair]) {
      if (part.kind === "special") size = Math.max(size, ...part.ids.map((id) => id + 1));
    }
    this.vocabularySize = size;
  }

  encode(item: EncodeItem, options: EncodeOptions): Encoded | TokenFault {
    if (item.ids !== undefined) {
      const badId = item.ids.find((id) => id < 0 || id >= this.vocabularySize);
      if (badId !== undefined) {
        const tokens = item.ids.length;
        return { fault: { kind: "bad-id", tokens, limit: this.vocabularySize, id: badId } };
      }
      return this.#fill(item.ids, undefined, options);
    }
    const first = this.#pipeline.run(item.text ?? "", false).ids;
    const second = item.pair === undefined ? undefined : this.#pipeline.run(item.pair, false).ids;
    return this.#fill(first, second, options);
  }

  offsets(text: string, options: OffsetOptions): readonly TokenPlace[] {
    const tokens = this.#pipeline.run(text, true);
    const { single } = this.#options.template;
    const { addSpecial, truncate } = options;
    const limit = truncate === undefined ? Number.POSITIVE_INFINITY : this.#limitOf(truncate);
    const room = Math.max(0, limit - (addSpecial ? specialCount(single) : 0));
    const kept = Math.min(tokens.length, room);
    const from = this.#sideOf(options) === "left" ? tokens.length - kept : 0;
    return single.flatMap((part) => {
      if (part.kind === "special") return addSpecial ? part.ids.map((id) => this.#special(id)) : [];
      return this.#offsetsOf(tokens, from, from + kept);
    });
  }

  #fill(
    first: Int32Array,
    second: Int32Array | undefined,
    options: EncodeOptions,
  ): Encoded | TokenFault {
    const { template, maxTokens } = this.#options;
    const parts = second === undefined ? template.single : template.pair;
    const specials = options.addSpecial ? specialCount(parts) : 0;
    const secondLength = second?.length ?? 0;
    const totalTokens = first.length + secondLength + specials;
    if (totalTokens === 0) return { fault: { kind: "empty", tokens: 0, limit: maxTokens } };
    const limit = this.#limitOf(options.truncate);
    if (options.truncate === "error" && totalTokens > limit) {
      return { fault: { kind: "too-long", tokens: totalTokens, limit } };
    }
    const kept = keepTokens(first.length, secondLength, Math.max(0, limit - specials));
    const isLeft = this.#sideOf(options) === "left";
    const cut = (ids: Int32Array, length: number) =>
      isLeft ? ids.subarray(ids.length - length) : ids.subarray(0, length);
    const texts = { first: cut(first, kept.first), second: second && cut(second, kept.second) };
    const length = kept.first + kept.second + specials;
    return { ...this.#lay(parts, texts, { length, options }), totalTokens };
  }

  /** Lays out the parts of an input one behind the other. */
  #lay(
    parts: readonly TemplatePart[],
    texts: { readonly first: Int32Array; readonly second: Int32Array | undefined },
    { length, options }: { readonly length: number; readonly options: EncodeOptions },
  ): Pick<Encoded, "ids" | "types"> {
    const ids = new Int32Array(length);
    const types = new Int32Array(length);
    let at = 0;
    for (const part of parts) {
      if (part.kind === "special" && !options.addSpecial) continue;
      const added = part.kind === "special" ? part.ids : texts[part.isSecond ? "second" : "first"];
      if (added === undefined) continue;
      ids.set(added, at);
      if (this.#options.hasTypes) types.fill(part.type, at, at + added.length);
      at += added.length;
    }
    return { ids, types };
  }

  #limitOf(truncate: EncodeOptions["truncate"]): number {
    const { maxTokens } = this.#options;
    return typeof truncate === "number" ? Math.min(maxTokens, truncate) : maxTokens;
  }

  #sideOf({ side }: Pick<EncodeOptions, "side">): "left" | "right" {
    return side ?? this.#options.truncateSide;
  }

  #special(id: number): TokenPlace {
    return { id, piece: this.#pieceOf(id), start: 0, end: 0, isSpecial: true, word: -1 };
  }

  #offsetsOf(tokens: TokenList, from: number, to: number): TokenPlace[] {
    const { ids, starts, ends, words } = tokens;
    const { trim } = this.#options.template;
    const places: TokenPlace[] = [];
    for (let at = from; at < to; at++) {
      const id = ids[at] as number;
      const piece = this.#pieceOf(id);
      const range = { start: starts[at] as number, end: ends[at] as number };
      const spelling = tokens.spellingAt(at) ?? piece;
      const { start, end } =
        trim === undefined ? range : trimOffsets(spelling, range, { isFirst: at === 0, ...trim });
      places.push({ id, piece, start, end, isSpecial: false, word: words[at] as number });
    }
    return places;
  }

  #pieceOf(id: number): string {
    if (this.#pieces === undefined) {
      this.#pieces = new Map();
      const { model, addedTokens } = this.#options;
      for (const [piece, at] of model.vocabulary) this.#pieces.set(at, piece);
      for (const { id: at, content } of addedTokens) this.#pieces.set(at, content);
    }
    return this.#pieces.get(id) ?? "";
  }
}
