import { classTables } from "./class-tables.ts";

/** Classes of code points, as bits. */
export const whiteSpace = 1;
/** Punctuation, and all of ASCII's symbols, as BERT has it. */
export const punctuation = 2;
export const letter = 4;
export const number = 8;
/** What BERT's normaliser drops: control characters and the like. */
export const dropped = 16;
/** Accents that BERT's normaliser strips. */
export const nonspacing = 32;
/** All combining marks. */
export const mark = 64;
/** What \w means to regular expressions. */
export const word = 128;
/** What is split as a digit. */
export const numeric = 256;
/** Characters whose normal forms are newer than the Rust library. */
export const newer = 512;

type ClassName = keyof typeof classTables;

const bits: Readonly<Record<ClassName, number>> = {
  whiteSpace,
  punctuation,
  letter,
  number,
  dropped,
  nonspacing,
  mark,
  word,
  numeric,
  newer,
};

interface Range {
  readonly bit: number;
  readonly start: number;
  readonly end: number;
}

const ranges = Object.entries(classTables).flatMap(([name, table]) =>
  readRanges(bits[name as ClassName], table),
);

/** By code point / 256. Made when one of them first occurs. */
const pages: (Uint16Array | undefined)[] = new Array(0x1100);

/** The classes of a code point. A regular expression that consumes a long run of them would need a stack as deep. */
export function classesOf(codePoint: number): number {
  const index = codePoint >> 8;
  const page = pages[index] ?? makePage(index);
  return page[codePoint & 255] as number;
}

/** The classes of the code point at unit `at`, which is within the text. */
export function classesAt(text: string, at: number): number {
  return classesOf(text.codePointAt(at) as number);
}

function makePage(index: number): Uint16Array {
  const page = new Uint16Array(256);
  const first = index * 256;
  for (const { bit, start, end } of ranges) {
    const last = Math.min(end, first + 256);
    for (let at = Math.max(start, first); at < last; at++)
      page[at - first] = (page[at - first] ?? 0) | bit;
  }
  pages[index] = page;
  return page;
}

function readRanges(bit: number, table: string): Range[] {
  const numbers = table.split(" ").map((text) => Number.parseInt(text, 36));
  const found: Range[] = [];
  let at = 0;
  for (let index = 0; index < numbers.length; index += 2) {
    const start = at + (numbers[index] as number);
    at = start + (numbers[index + 1] as number);
    found.push({ bit, start, end: at });
  }
  return found;
}
