/** A number for which JSON has no form, from a text that has it as a bare word. No number itself: 1e999 is
 *  read as infinite, but is a mistake where nobody wrote Infinity. */
export class BareNumber {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  toString(): string {
    return String(this.value);
  }
}

const words: ReadonlyMap<unknown, number> = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]);

/** What an element of JSON means to a floating tensor, if it is not an ordinary number: null is NaN, as
 *  answers write it, bare words are what Python's json writes, and quoted ones what protobuf's does.
 *  Undefined for what is no float. */
export function oddFloat(element: unknown): number | undefined {
  if (element === null) return Number.NaN;
  if (element instanceof BareNumber) return element.value;
  return words.get(element);
}
