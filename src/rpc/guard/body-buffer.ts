/** Bytes that arrive in chunks. A chunk keeps its piece of the socket's memory alive, and may hold a single
 *  byte: kept as they come, they could take a hundred times what was sent. */
export class BodyBuffer {
  readonly #expectedBytes: number;
  #buffer: Buffer = Buffer.alloc(0);
  #sizeBytes = 0;

  /** `expectedBytes` is what was announced, 0 if nothing was. */
  constructor(expectedBytes: number) {
    this.#expectedBytes = expectedBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  add(chunk: Uint8Array): void {
    const start = this.#sizeBytes;
    this.#sizeBytes += chunk.length;
    if (start === 0 && chunk.length >= this.#expectedBytes) {
      this.#buffer = Buffer.from(chunk.buffer as ArrayBuffer, chunk.byteOffset, chunk.length);
      return;
    }
    if (this.#sizeBytes > this.#buffer.length) {
      const fits = this.#sizeBytes <= this.#expectedBytes;
      const grown = fits ? this.#expectedBytes : 2 * this.#sizeBytes;
      const buffer = Buffer.allocUnsafeSlow(grown);
      this.#buffer.copy(buffer, 0, 0, start);
      this.#buffer = buffer;
    }
    this.#buffer.set(chunk, start);
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#sizeBytes);
  }
}
