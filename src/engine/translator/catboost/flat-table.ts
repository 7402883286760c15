import { malformed } from "./catboost-refusal.ts";

/** A table of a FlatBuffer, read in place. Every access is checked against the end of the buffer, so offsets may hold
 *  anything. Fields are named by their slots in the schema. Absent ones have the defaults given. */
export class FlatTable {
  readonly #view: DataView;
  readonly #position: number;
  readonly #fields: number;
  readonly #fieldCount: number;

  private constructor(view: DataView, position: number) {
    this.#view = view;
    this.#position = position;
    const fields = position - check(view, position, 4).getInt32(position, true);
    const bytes = check(view, fields, 4).getUint16(fields, true);
    check(view, fields, bytes);
    this.#fields = fields;
    this.#fieldCount = Math.max(0, (bytes - 4) >> 1);
  }

  /** The root table of the FlatBuffer that `bytes` are. Throws RuntimeError "invalid-argument", as all methods do. */
  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new FlatTable(view, followed(view, 0));
  }

  int32(slot: number, missing: number): number {
    const at = this.#at(slot, 4);
    return at === undefined ? missing : this.#view.getInt32(at, true);
  }

  int8(slot: number, missing: number): number {
    const at = this.#at(slot, 1);
    return at === undefined ? missing : this.#view.getInt8(at);
  }

  double(slot: number, missing: number): number {
    const at = this.#at(slot, 8);
    return at === undefined ? missing : this.#view.getFloat64(at, true);
  }

  /** "" if absent. */
  string(slot: number): string {
    return Buffer.from(this.#vector(slot, 1)).toString("utf8");
  }

  table(slot: number): FlatTable | undefined {
    const at = this.#at(slot, 4);
    return at === undefined ? undefined : new FlatTable(this.#view, followed(this.#view, at));
  }

  /** Empty if absent. */
  tables(slot: number): FlatTable[] {
    const offsets = this.#vector(slot, 4);
    return Array.from({ length: offsets.byteLength / 4 }, (_, index) => {
      const at = offsets.byteOffset - this.#view.byteOffset + 4 * index;
      return new FlatTable(this.#view, followed(this.#view, at));
    });
  }

  int32s(slot: number): Int32Array {
    return new Int32Array(this.#vector(slot, 4).slice().buffer);
  }

  uint32s(slot: number): Uint32Array {
    return new Uint32Array(this.#vector(slot, 4).slice().buffer);
  }

  /** Pairs of 16 bits: the first of struct i is element 2 i. */
  uint16Pairs(slot: number): Uint16Array {
    return new Uint16Array(this.#vector(slot, 4).slice().buffer);
  }

  float32s(slot: number): Float32Array {
    return new Float32Array(this.#vector(slot, 4).slice().buffer);
  }

  float64s(slot: number): Float64Array {
    return new Float64Array(this.#vector(slot, 8).slice().buffer);
  }

  /** Where a field of `size` bytes is; undefined if the table does not have it. */
  #at(slot: number, size: number): number | undefined {
    if (slot >= this.#fieldCount) return undefined;
    const offset = this.#view.getUint16(this.#fields + 4 + 2 * slot, true);
    if (offset === 0) return undefined;
    check(this.#view, this.#position + offset, size);
    return this.#position + offset;
  }

  /** The elements of a vector, as a view. */
  #vector(slot: number, elementBytes: number): Uint8Array {
    const view = this.#view;
    const at = this.#at(slot, 4);
    if (at === undefined) return new Uint8Array(0);
    const start = followed(view, at);
    const bytes = check(view, start, 4).getUint32(start, true) * elementBytes;
    check(view, start + 4, bytes);
    return new Uint8Array(view.buffer, view.byteOffset + start + 4, bytes);
  }
}

/** Where the offset at `at` leads. It is unsigned, so it never leads back. */
function followed(view: DataView, at: number): number {
  return at + check(view, at, 4).getUint32(at, true);
}

/** `view`, if it has `size` bytes at `at`. */
function check(view: DataView, at: number, size: number): DataView {
  if (at >= 0 && at + size <= view.byteLength) return view;
  throw malformed(
    `an offset leads to byte ${at}, where ${size} bytes are to be, but its description ends at byte ${view.byteLength}`,
  );
}
