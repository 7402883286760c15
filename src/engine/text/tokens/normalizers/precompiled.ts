import type { ConfigFields } from "../config-fields.ts";
import { cachedMap } from "../pieces/map-code-points.ts";
import { type Piece, widthAt } from "../pieces/piece.ts";
import { PieceWriter } from "../pieces/piece-writer.ts";
import { Charsmap } from "./charsmap.ts";
import type { Normalizer } from "./normalizer.ts";

/** Graphemes of more bytes are looked up code point by code point. */
const maxGraphemeBytes = 5;
const maxCachedGraphemes = 10_000;

/** SentencePiece's normaliser as the Rust library applies it: to short graphemes as a whole, where the map has them or
 *  something that they start with, and otherwise to each code point. */
export function precompiled(config: ConfigFields): Normalizer {
  const charsmap = new Charsmap(config);
  const segmenter = new Intl.Segmenter("und", { granularity: "grapheme" });
  const ofCodePoint = cachedMap((codePoint) => charsmap.lookUp(String.fromCodePoint(codePoint)));
  const graphemes = new Map<string, string | undefined>();

  function ofGrapheme(grapheme: string): string | undefined {
    // No code point takes more than 3 bytes a unit, and none fewer than 1.
    if (grapheme.length > maxGraphemeBytes) return undefined;
    if (graphemes.has(grapheme)) return graphemes.get(grapheme);
    const isShort = Buffer.byteLength(grapheme) <= maxGraphemeBytes;
    const output = isShort ? charsmap.lookUp(grapheme) : undefined;
    if (graphemes.size === maxCachedGraphemes) graphemes.clear();
    graphemes.set(grapheme, output);
    return output;
  }

  function writeCodePoints(writer: PieceWriter, text: string, start: number, end: number): void {
    for (let at = start; at < end; ) {
      const next = at + widthAt(text, at);
      const output = ofCodePoint(text.codePointAt(at) as number);
      if (output === undefined) writer.copy(at, next);
      else writer.write(output, at, next);
      at = next;
    }
  }

  function writeGraphemes(writer: PieceWriter, text: string, start: number, end: number): void {
    for (const { segment, index } of segmenter.segment(text.slice(start, end))) {
      const first = start + index;
      const output = ofGrapheme(segment);
      if (output === undefined) writeCodePoints(writer, text, first, first + segment.length);
      else writer.write(output, first, first + segment.length);
    }
  }

  return (piece: Piece) => {
    const { text } = piece;
    if (/^[ -~]*$/.test(text)) return piece;
    const writer = new PieceWriter(piece);
    for (let at = 0; at < text.length; ) {
      const plain = endOfPlain(text, at);
      writeCodePoints(writer, text, at, plain);
      at = endOfJoined(text, plain);
      if (at > plain) writeGraphemes(writer, text, plain, at);
    }
    return writer.finish();
  };
}

/** Code points between two of which a grapheme always ends. Segmenting these costs more than all the rest. */
const plainRanges: readonly (readonly [number, number])[] = [
  [0x20, 0x7e],
  [0xc0, 0x2ff],
  [0x388, 0x482],
  [0x48a, 0x52f],
  [0x5d0, 0x5ea],
  [0x620, 0x64a],
  [0xe01, 0xe30],
  [0x1e00, 0x1fbc],
  [0x2018, 0x201f],
  [0x3041, 0x3096],
  [0x30a1, 0x30fa],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xac00, 0xd7a3],
  [0xff01, 0xff60],
];

const plainUnits = new Uint8Array(0x10000);
for (const [first, last] of plainRanges) plainUnits.fill(1, first, last + 1);

function isPlain(text: string, at: number): boolean {
  return at >= text.length || plainUnits[text.charCodeAt(at)] === 1;
}

/** The end of what starts at `start` and consists of graphemes of one code point. */
function endOfPlain(text: string, start: number): number {
  let at = start;
  // The last one before something else may be that one's base.
  while (at < text.length && isPlain(text, at) && isPlain(text, at + 1)) at++;
  return at;
}

/** The end of what starts at `start`, where a grapheme starts, up to where two plain code points meet. */
function endOfJoined(text: string, start: number): number {
  let at = start;
  while (at < text.length) {
    const isBoundary = at > start && isPlain(text, at) && isPlain(text, at + 1);
    at++;
    if (isBoundary) break;
  }
  return at;
}
