/** Bytes that are made when they are written, so that a file of gigabytes needs little memory. */
export interface DeferredBytes {
  readonly byteLength: number;
  /** Returns exactly `byteLength` bytes, the same at every call. */
  make(): Uint8Array;
}

type Piece = Uint8Array | DeferredBytes;

/** A protobuf message in the making, as pieces in wire order: nesting one in another copies nothing. */
export class ProtobufWriter {
  readonly #pieces: Piece[] = [];
  #byteLength = 0;

  /** An integer field of any width. Negative values take the ten bytes that int64 demands. */
  integer(field: number, value: number | bigint): this {
    this.#tag(field, 0);
    return this.#push(varint(BigInt.asUintN(64, BigInt(value))));
  }

  float(field: number, value: number): this {
    this.#tag(field, 5);
    return this.#push(new Uint8Array(Float32Array.of(value).buffer));
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  bytes(field: number, value: Uint8Array | DeferredBytes): this {
    this.#tag(field, 2);
    return this.#push(varint(BigInt(value.byteLength))).#push(value);
  }

  message(field: number, value: ProtobufWriter): this {
    this.#tag(field, 2);
    this.#push(varint(BigInt(value.#byteLength)));
    for (const piece of value.#pieces) this.#push(piece);
    return this;
  }

  /** One field for each value: repeated scalars are written unpacked, which every parser takes. */
  integers(field: number, values: readonly (number | bigint)[]): this {
    for (const value of values) this.integer(field, value);
    return this;
  }

  texts(field: number, values: readonly string[]): this {
    for (const value of values) this.text(field, value);
    return this;
  }

  messages(field: number, values: readonly ProtobufWriter[]): this {
    for (const value of values) this.message(field, value);
    return this;
  }

  /** The encoding, piece by piece; at most one deferred piece is in memory at a time. */
  *pieces(): Generator<Uint8Array> {
    for (const piece of this.#pieces) yield piece instanceof Uint8Array ? piece : piece.make();
  }

  finish(): Uint8Array {
    const all = new Uint8Array(this.#byteLength);
    let offset = 0;
    for (const piece of this.pieces()) {
      all.set(piece, offset);
      offset += piece.byteLength;
    }
    return all;
  }

  #tag(field: number, wireType: number): void {
    this.#push(varint(BigInt(field) * 8n + BigInt(wireType)));
  }

  #push(piece: Piece): this {
    this.#pieces.push(piece);
    this.#byteLength += piece.byteLength;
    return this;
  }
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
