import { type Piece, widthAt } from "./piece.ts";

/** Builds the piece that another one becomes, and keeps track of where its characters come from. */
export class PieceWriter {
  readonly #source: Piece;
  #units: Uint16Array;
  #starts: Int32Array | undefined;
  #ends: Int32Array | undefined;
  #length = 0;

  constructor(source: Piece) {
    this.#source = source;
    const capacity = source.text.length + 16;
    this.#units = new Uint16Array(capacity);
    if (source.origin !== undefined) {
      this.#starts = new Int32Array(capacity);
      this.#ends = new Int32Array(capacity);
    }
  }

  /** Appends the units [start, end) of the source as they are. */
  copy(start: number, end: number): void {
    this.#reserve(end - start);
    const { text, origin } = this.#source;
    for (let at = start; at < end; at++)
      this.#append(text.charCodeAt(at), at, origin !== undefined);
  }

  /** Appends what the units [start, end) of the source become. Code point i of `output` comes from code point i of those
   *  units, and any further one from their last. */
  write(output: string, start: number, end: number): void {
    this.#reserve(output.length);
    const { text, origin } = this.#source;
    let from = start;
    for (let at = 0; at < output.length; ) {
      const width = widthAt(output, at);
      for (const last = at + width; at < last; at++) {
        this.#append(output.charCodeAt(at), from, origin !== undefined);
      }
      const next = from + widthAt(text, from);
      if (next < end) from = next;
    }
  }

  finish(): Piece {
    const units = this.#units.subarray(0, this.#length);
    const starts = this.#starts?.subarray(0, this.#length);
    const ends = this.#ends?.subarray(0, this.#length);
    return {
      text: Buffer.from(units.buffer, 0, units.byteLength).toString("utf16le"),
      origin: starts && ends && { starts, ends },
      isStart: this.#source.isStart,
    };
  }

  #append(unit: number, from: number, isTraced: boolean): void {
    const at = this.#length++;
    this.#units[at] = unit;
    if (!isTraced) return;
    const { starts, ends } = this.#source.origin as NonNullable<Piece["origin"]>;
    // Space for both was reserved.
    (this.#starts as Int32Array)[at] = starts[from] as number;
    (this.#ends as Int32Array)[at] = ends[from] as number;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#units.length) return;
    const capacity = Math.max(needed, this.#units.length * 2);
    const units = new Uint16Array(capacity);
    units.set(this.#units);
    this.#units = units;
    if (this.#starts === undefined || this.#ends === undefined) return;
    const starts = new Int32Array(capacity);
    starts.set(this.#starts);
    this.#starts = starts;
    const ends = new Int32Array(capacity);
    ends.set(this.#ends);
    this.#ends = ends;
  }
}
