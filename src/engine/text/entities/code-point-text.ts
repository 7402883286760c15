/** A text that is sliced by code points. */
export class CodePointText {
  readonly #text: string;
  /** By code point: its first UTF-16 unit, and the length of the text at the end; undefined if all have one unit. */
  readonly #units: Int32Array | undefined;

  constructor(text: string) {
    this.#text = text;
    this.#units = /[\ud800-\udbff][\udc00-\udfff]/.test(text) ? unitsOf(text) : undefined;
  }

  slice(start: number, end: number): string {
    return this.#text.slice(this.#unitAt(start), this.#unitAt(end));
  }

  #unitAt(codePoint: number): number {
    return this.#units?.[codePoint] ?? (this.#units ? this.#text.length : codePoint);
  }
}

function unitsOf(text: string): Int32Array {
  const units = new Int32Array(text.length + 1);
  let length = 0;
  let at = 0;
  for (const character of text) {
    units[length++] = at;
    at += character.length;
  }
  units[length++] = at;
  return units.subarray(0, length);
}
