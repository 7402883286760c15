import { malformed } from "./lightgbm-refusal.ts";

/** Where a list stands, for messages. */
export interface ListPlace {
  /** Such as "tree 5". */
  readonly owner: string;
  readonly key: string;
  /** Elements that the list must have. */
  readonly length: number;
}

// Plain loops: each runs for the first and last time in its process, where calls of functions are slow.

/** Numbers separated by spaces, as doubles. "inf" and "nan" are read as the library writes them. */
export function doublesOf(text: string | undefined, place: ListPlace): Float64Array {
  const words = wordsOf(text, place);
  const values = new Float64Array(words.length);
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    const number = Number(word);
    const value = !Number.isNaN(number) && word !== "" ? number : doubleOf(word);
    if (value === undefined) throw strange(word, place, "a number");
    values[at] = value;
  }
  return values;
}

export function int32sOf(text: string | undefined, place: ListPlace): Int32Array {
  const words = wordsOf(text, place);
  const values = new Int32Array(words.length);
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    const value = Number(word);
    if (value !== (value | 0) || word === "") throw strange(word, place, "an integer of 32 bits");
    values[at] = value;
  }
  return values;
}

export function uint32sOf(text: string | undefined, place: ListPlace): Uint32Array {
  const words = wordsOf(text, place);
  const values = new Uint32Array(words.length);
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    const value = Number(word);
    if (value !== value >>> 0 || word === "") {
      throw strange(word, place, "an unsigned integer of 32 bits");
    }
    values[at] = value;
  }
  return values;
}

/** An integer in decimal digits; undefined for anything else. */
export function integerOf(word: string): number | undefined {
  return /^-?\d{1,15}$/.test(word) ? Number(word) : undefined;
}

/** A number as C prints it; undefined for anything else. */
export function doubleOf(word: string): number | undefined {
  if (word === "") return undefined;
  const value = Number(word);
  if (!Number.isNaN(value)) return value;
  switch (word) {
    case "inf":
      return Number.POSITIVE_INFINITY;
    case "-inf":
      return Number.NEGATIVE_INFINITY;
    case "nan":
    case "-nan":
      return Number.NaN;
    default:
      return undefined;
  }
}

function wordsOf(text: string | undefined, { owner, key, length }: ListPlace): string[] {
  if (text === undefined) throw malformed(`${owner} has no "${key}"`);
  const trimmed = text.trim();
  const words = trimmed === "" ? [] : trimmed.split(" ");
  if (words.length !== length) {
    throw malformed(`${owner} has ${words.length} numbers in "${key}", expected ${length}`);
  }
  return words;
}

function strange(word: string, { owner, key }: ListPlace, expected: string): Error {
  const shown = JSON.stringify(word.slice(0, 40));
  return malformed(`${owner} has ${shown} in "${key}", expected ${expected}`);
}
