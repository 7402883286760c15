// RFC 7541: the representations of a header field, by their first bits, and the index of the static table entry
// whose name is :authority.
const indexed = { bit: 0x80, prefix: 7 };
const incremental = { bit: 0x40, prefix: 6 };
const tableSize = { bit: 0x20, prefix: 5 };
const literalPrefix = 4;
const authorityIndex = 1;
const huffmanBit = 0x80;

const slash = 0x2f;
const hyphen = 0x2d;

/** Replaces each "/" by "-" in the literal values of `:authority` in an HPACK header block. The length and all
 *  other bytes stay the same, and so does the block's effect on the tables of both ends. `block` is changed in
 *  place. Huffman-coded values are left alone: Netty sends none of this length. A malformed block is left
 *  unchanged from that point on, for the HTTP/2 parser to refuse. */
export function hyphenateAuthority(block: Uint8Array): void {
  const cursor = new HpackCursor(block);
  while (cursor.rest > 0) {
    const first = cursor.peek();
    if ((first & indexed.bit) !== 0) cursor.integer(indexed.prefix);
    else if ((first & incremental.bit) !== 0) field(cursor, incremental.prefix);
    else if ((first & tableSize.bit) !== 0) cursor.integer(tableSize.prefix);
    else field(cursor, literalPrefix);
  }
}

function field(cursor: HpackCursor, prefix: number): void {
  const index = cursor.integer(prefix);
  if (index === 0) cursor.string();
  const { bytes, isHuffman } = cursor.string();
  if (index !== authorityIndex || isHuffman) return;
  for (let at = 0; at < bytes.length; at++) if (bytes[at] === slash) bytes[at] = hyphen;
}

/** Skips to the end of the block if a length is wrong. */
class HpackCursor {
  readonly #block: Uint8Array;
  #position = 0;

  constructor(block: Uint8Array) {
    this.#block = block;
  }

  get rest(): number {
    return this.#block.length - this.#position;
  }

  peek(): number {
    return this.#block[this.#position] ?? 0;
  }

  /** RFC 7541, 5.1. */
  integer(prefix: number): number {
    const most = 2 ** prefix - 1;
    let value = this.#next() & most;
    if (value < most) return value;
    for (let scale = 1; this.rest > 0; scale *= 128) {
      const byte = this.#next();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    return value;
  }

  /** RFC 7541, 5.2. A view of the block. */
  string(): { bytes: Uint8Array; isHuffman: boolean } {
    const isHuffman = (this.peek() & huffmanBit) !== 0;
    const length = Math.min(this.integer(7), this.rest);
    const bytes = this.#block.subarray(this.#position, this.#position + length);
    this.#position += length;
    return { bytes, isHuffman };
  }

  #next(): number {
    return this.#block[this.#position++] ?? 0;
  }
}
