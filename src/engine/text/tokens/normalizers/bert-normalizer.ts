import type { ConfigFields } from "../config-fields.ts";
import { classesOf, dropped, nonspacing, whiteSpace } from "../pieces/code-points.ts";
import { cachedMap, mapCodePoints } from "../pieces/map-code-points.ts";
import { normalForm } from "../pieces/normal-form.ts";
import type { Normalizer } from "./normalizer.ts";

interface BertOptions {
  readonly isCleaned: boolean;
  readonly isChineseSpaced: boolean;
  readonly isStripped: boolean;
  readonly isLowered: boolean;
}

/** BERT's normaliser in the order of Hugging Face's Rust library: clean, put spaces around Chinese characters, strip
 *  accents, lower. Each code point becomes what it becomes alone: a final sigma stays what it is. */
export function bertNormalizer(config: ConfigFields): Normalizer {
  const isLowered = config.flag("lowercase", true);
  const options: BertOptions = {
    isCleaned: config.flag("clean_text", true),
    isChineseSpaced: config.flag("handle_chinese_chars", true),
    isStripped: config.flag("strip_accents", isLowered),
    isLowered,
  };
  const map = cachedMap((codePoint) => {
    const before = String.fromCodePoint(codePoint);
    const after = normalizeCodePoint(codePoint, options);
    return after === before ? undefined : after;
  });
  return (piece) => mapCodePoints(piece, map);
}

function normalizeCodePoint(codePoint: number, options: BertOptions): string {
  let text = String.fromCodePoint(codePoint);
  if (options.isCleaned) text = clean(codePoint, text);
  if (options.isChineseSpaced && isChinese(codePoint)) text = ` ${text} `;
  if (options.isStripped) text = strip(text);
  if (options.isLowered) text = [...text].map((character) => character.toLowerCase()).join("");
  return text;
}

function clean(codePoint: number, text: string): string {
  if (codePoint === 0x09 || codePoint === 0x0a || codePoint === 0x0d) return " ";
  const classes = classesOf(codePoint);
  if (classes & dropped) return "";
  return classes & whiteSpace ? " " : text;
}

function strip(text: string): string {
  return [...normalForm(text, "NFD")]
    .filter((character) => !(classesOf(character.codePointAt(0) as number) & nonspacing))
    .join("");
}

/** The blocks of ideographs as Rust's library has them, which starts one at 2B920 instead of 2B820. */
function isChinese(codePoint: number): boolean {
  return (
    (codePoint >= 0x4e00 && codePoint <= 0x9fff) ||
    (codePoint >= 0x3400 && codePoint <= 0x4dbf) ||
    (codePoint >= 0x20000 && codePoint <= 0x2a6df) ||
    (codePoint >= 0x2a700 && codePoint <= 0x2b73f) ||
    (codePoint >= 0x2b740 && codePoint <= 0x2b81f) ||
    (codePoint >= 0x2b920 && codePoint <= 0x2ceaf) ||
    (codePoint >= 0xf900 && codePoint <= 0xfaff) ||
    (codePoint >= 0x2f800 && codePoint <= 0x2fa1f)
  );
}
