const headBytes = 5;

/** Follows the messages of a stream (gRPC, gRPC-Web and Connect frame them alike) by their lengths alone. */
export class EnvelopeCounter {
  /** Bytes received of an incomplete message; 0 between messages. */
  heldBytes = 0;
  /** Length of the current message; undefined while its head is incomplete. */
  #restBytes: number | undefined;
  #sizeBytes = 0;

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#restBytes === undefined) {
        const byte = chunk[at++] as number;
        // The first byte of a head is flags, the others are a big-endian number.
        if (this.heldBytes++ > 0) this.#sizeBytes = this.#sizeBytes * 256 + byte;
        if (this.heldBytes < headBytes) continue;
        this.#restBytes = this.#sizeBytes;
        this.#sizeBytes = 0;
      }
      const taken = Math.min(this.#restBytes, chunk.length - at);
      at += taken;
      this.heldBytes += taken;
      this.#restBytes -= taken;
      if (this.#restBytes > 0) continue;
      this.heldBytes = 0;
      this.#restBytes = undefined;
    }
  }
}
