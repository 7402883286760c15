/** A number that JSON cannot express, from a text that has it as a bare word. Not a plain number: 1e999 is read
 *  as infinite too, but is a mistake, because the sender did not write Infinity. */
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

/** The value of a JSON element in a floating-point tensor, if it is not an ordinary number: null is NaN, as
 *  responses write it; bare words are what Python's json writes; quoted words are protobuf's. Undefined if it
 *  is not a float. */
export function oddFloat(element: unknown): number | undefined {
  if (element === null) return Number.NaN;
  if (element instanceof BareNumber) return element.value;
  return words.get(element);
}
