import { decodeElements, type Element } from "../base/element-codec.ts";
import { RuntimeError } from "../base/errors.ts";
import { elementCount, type Tensor } from "../base/tensor.ts";

/** A request for an output's top classes instead of its elements. */
export interface Classification {
  /** The maximum number of classes, at least 1. */
  readonly count: number;
  /** Class names by index; may be incomplete. */
  readonly labels: readonly string[] | undefined;
  /** Whether each row of the first dimension has classes of its own. */
  readonly isBatched: boolean;
}

/** An output's largest elements, as Triton's "classification" extension defines them: BYTES [count], or [rows,
 *  count], with elements "score:index" or "score:index:label". Of equal elements the first comes first; NaN
 *  comes last. Throws "invalid-argument" if the elements are not numbers. */
export function classify(tensor: Tensor, { count, labels, isBatched }: Classification): Tensor {
  const { name, datatype, shape, data } = tensor;
  if (datatype === "BYTES" || datatype === "BOOL") {
    throw new RuntimeError(
      "invalid-argument",
      `output '${name}' is ${datatype}, which has no classes: ask for it without 'classification'`,
    );
  }
  const rows = isBatched && shape.length > 0 ? (shape[0] as number) : undefined;
  const elements = decodeElements(datatype, data);
  const width = rows === undefined ? elements.length : elementCount(shape.slice(1), name);
  const isFloat = datatype.includes("F");
  const wanted = Math.min(count, width);
  const texts: Buffer[] = [];
  for (let row = 0; row < (rows ?? 1); row++) {
    const scores = elements.slice(row * width, (row + 1) * width) as Score[];
    for (const index of greatest(scores, wanted)) {
      const score = scores[index] as Score;
      const label = labels?.[index];
      const text = `${isFloat ? fixed(Number(score)) : score}:${index}`;
      texts.push(Buffer.from(label === undefined ? text : `${text}:${label}`));
    }
  }
  const classes = rows === undefined ? [wanted] : [rows, wanted];
  return { name, datatype: "BYTES", shape: classes, data: packed(texts) };
}

type Score = Extract<Element, number | bigint>;

/** From this count on, sorting everything is cheaper than keeping the best in order. */
const manyClasses = 50;

/** The indexes of the `count` largest elements, in descending order. */
function greatest(scores: readonly Score[], count: number): number[] {
  if (count === 0) return [];
  if (count >= manyClasses) {
    return scores
      .map((_, index) => index)
      .sort((a, b) => compare(scores[b] as Score, scores[a] as Score))
      .slice(0, count);
  }
  const best: number[] = [];
  for (let index = 0; index < scores.length; index++) {
    const score = scores[index] as Score;
    let at = best.length;
    while (at > 0 && compare(score, scores[best[at - 1] as number] as Score) > 0) at--;
    if (at === count) continue;
    best.splice(at, 0, index);
    if (best.length > count) best.pop();
  }
  return best;
}

/** NaN is less than everything. */
function compare(a: Score, b: Score): number {
  if (a > b) return 1;
  if (a < b) return -1;
  return Number(Number.isNaN(b)) - Number(Number.isNaN(a));
}

/** As C formats "%f": six digits, halves rounded to even. */
export function fixed(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  const size = Math.abs(value);
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  if (size >= 1e21) return `${sign}${BigInt(size)}.000000`;
  // Only odd multiples of 1/128 lie exactly between two numbers of six digits.
  const multiple = size * 128;
  if (Number.isInteger(multiple) && multiple % 2 === 1) {
    const halves = BigInt(multiple) * 78_125n;
    const below = halves / 10n;
    const digits = String(below % 2n === 0n ? below : below + 1n).padStart(7, "0");
    return `${sign}${digits.slice(0, -6)}.${digits.slice(-6)}`;
  }
  return `${sign}${size.toFixed(6)}`;
}

function packed(texts: readonly Buffer[]): Uint8Array {
  const pieces = texts.flatMap((text) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    return [length, text];
  });
  return Buffer.concat(pieces);
}
