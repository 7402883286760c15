import type { ConfigFields } from "../config-fields.ts";
import { classesAt, classesOf, mark, whiteSpace } from "../pieces/code-points.ts";
import { mapCodePoints } from "../pieces/map-code-points.ts";
import { type Piece, slicePiece, widthAt } from "../pieces/piece.ts";
import { PieceWriter } from "../pieces/piece-writer.ts";
import { prependTo } from "../pieces/prepend.ts";
import { createPattern } from "../words/create-pattern.ts";
import { bertNormalizer } from "./bert-normalizer.ts";
import type { Normalizer } from "./normalizer.ts";
import { precompiled } from "./precompiled.ts";
import { unicodeForm } from "./unicode-form.ts";

const kinds: Readonly<Record<string, (config: ConfigFields) => Normalizer>> = {
  BertNormalizer: bertNormalizer,
  Lowercase: () => lowercase,
  NFC: () => unicodeForm("NFC"),
  NFD: () => unicodeForm("NFD"),
  NFKC: () => unicodeForm("NFKC"),
  NFKD: () => unicodeForm("NFKD"),
  Precompiled: precompiled,
  Prepend: prepend,
  Replace: replace,
  Sequence: sequence,
  Strip: strip,
  StripAccents: () => stripAccents,
};

/** The normaliser that tokenizer.json describes. Throws RuntimeError "invalid-argument" for one that is not known. */
export function createNormalizer(config: ConfigFields): Normalizer {
  const create = Object.hasOwn(kinds, config.type) ? kinds[config.type] : undefined;
  if (create === undefined) throw config.unknown("type", Object.keys(kinds));
  return create(config);
}

/** Lowers each code point on its own, as Rust does. */
export function lowercase(piece: Piece): Piece {
  return mapCodePoints(piece, (codePoint) => {
    const before = String.fromCodePoint(codePoint);
    const after = before.toLowerCase();
    return after === before ? undefined : after;
  });
}

function stripAccents(piece: Piece): Piece {
  return mapCodePoints(piece, (codePoint) => (classesOf(codePoint) & mark ? "" : undefined));
}

function sequence(config: ConfigFields): Normalizer {
  const steps = config.objects("normalizers").map(createNormalizer);
  return (piece) => steps.reduce((current, step) => step(current), piece);
}

function prepend(config: ConfigFields): Normalizer {
  const prefix = config.text("prepend");
  return (piece) => prependTo(piece, prefix);
}

/** All matches of a pattern become the same text, which counts as the last character of each match. */
function replace(config: ConfigFields): Normalizer {
  const pattern = createPattern(config);
  const content = config.text("content");
  return (piece) => {
    const { text } = piece;
    let writer: PieceWriter | undefined;
    let kept = 0;
    for (const { index, 0: match } of text.matchAll(pattern)) {
      writer ??= new PieceWriter(piece);
      const end = index + match.length;
      writer.copy(kept, index);
      writer.write(content, end === 0 ? 0 : startOfLast(text, end), end);
      kept = end;
    }
    if (writer === undefined) return piece;
    writer.copy(kept, text.length);
    return writer.finish();
  };
}

/** Where the code point starts that ends at `end`, which is not 0. */
function startOfLast(text: string, end: number): number {
  return end >= 2 && widthAt(text, end - 2) === 2 ? end - 2 : end - 1;
}

/** White space in the sense of Unicode, which JavaScript's `trim` does not take. */
function strip(config: ConfigFields): Normalizer {
  const isLeft = config.flag("strip_left", true);
  const isRight = config.flag("strip_right", true);
  return (piece) => {
    const { text } = piece;
    let start = 0;
    let end = text.length;
    // All white space is in the basic plane: one unit each.
    if (isLeft) while (start < end && classesAt(text, start) & whiteSpace) start++;
    if (isRight) while (end > start && classesOf(text.charCodeAt(end - 1)) & whiteSpace) end--;
    return slicePiece(piece, start, end);
  };
}
