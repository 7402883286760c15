/** Cuts a stream of chunks into the pieces that a reader asks for. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next `size` bytes; fewer if the stream ends before. Holds all of them. */
  async take(size: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for await (const part of this.pass(size)) parts.push(part);
    return Buffer.concat(parts);
  }

  /** The next `size` bytes in pieces; fewer if the stream ends before. */
  async *pass(size: number): AsyncGenerator<Uint8Array> {
    let left = size;
    while (left > 0) {
      if (this.#rest.length === 0) {
        const next = await this.#chunks.next();
        if (next.done) return;
        this.#rest = next.value;
        continue;
      }
      const part = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  /** Passes over the next `size` bytes, and returns how many there were. */
  async skip(size: number): Promise<number> {
    let skipped = 0;
    for await (const part of this.pass(size)) skipped += part.length;
    return skipped;
  }

  /** Reads to the end, where a stream that is damaged says so. */
  async drain(): Promise<void> {
    this.#rest = new Uint8Array(0);
    while (!(await this.#chunks.next()).done);
  }
}
