import { Code, ConnectError } from "@connectrpc/connect";

const headBytes = 5;

export interface GrpcMessage {
  readonly isCompressed: boolean;
  /** A view into what arrived if it came in one piece, else a copy. */
  readonly bytes: Uint8Array;
}

/** Cuts the body of a gRPC request into messages. No memory is reserved on the word of a head: a message is
 *  put together, by one copy, when all of it is here. */
export class GrpcMessageReader {
  readonly #maxBytes: number;
  /** What has arrived and is in no message yet. */
  #chunks: Buffer[] = [];
  #bufferedBytes = 0;
  /** Of the message that is under way, once its head is here. */
  #head: { readonly isCompressed: boolean; readonly sizeBytes: number } | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The messages that `chunk` completes; it must not be changed afterwards. Throws
   *  "resource_exhausted" as soon as a head announces too large a message. */
  push(chunk: Buffer): GrpcMessage[] {
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.length;
    const messages: GrpcMessage[] = [];
    for (let message = this.#next(); message !== undefined; message = this.#next()) {
      messages.push(message);
    }
    return messages;
  }

  /** Throws "invalid_argument" if the body ended within a message. */
  end(): void {
    if (this.#bufferedBytes === 0) return;
    throw new ConnectError("protocol error: incomplete envelope", Code.InvalidArgument);
  }

  #next(): GrpcMessage | undefined {
    this.#head ??= this.#readHead();
    if (this.#head === undefined || this.#bufferedBytes < this.#head.sizeBytes) return undefined;
    const { isCompressed, sizeBytes } = this.#head;
    this.#head = undefined;
    const bytes = this.#take(sizeBytes);
    // No Buffer: its slice() shares memory where that of a Uint8Array copies.
    const view = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return { isCompressed, bytes: view };
  }

  #readHead() {
    if (this.#bufferedBytes < headBytes) return undefined;
    const head = this.#take(headBytes);
    const sizeBytes = head.readUInt32BE(1);
    if (sizeBytes > this.#maxBytes) {
      throw new ConnectError(
        `message size ${sizeBytes} is larger than configured readMaxBytes ${this.#maxBytes}`,
        Code.ResourceExhausted,
      );
    }
    return { isCompressed: ((head[0] as number) & 1) === 1, sizeBytes };
  }

  /** The first `byteCount` of the buffered bytes, of which there are as many. */
  #take(byteCount: number): Buffer {
    this.#bufferedBytes -= byteCount;
    const [first = Buffer.alloc(0)] = this.#chunks;
    if (first.length > byteCount) {
      this.#chunks[0] = first.subarray(byteCount);
      return first.subarray(0, byteCount);
    }
    if (first.length === byteCount) {
      this.#chunks.shift();
      return first;
    }
    const taken = Buffer.allocUnsafeSlow(byteCount);
    let filled = 0;
    let index = 0;
    for (; filled < byteCount; index++) {
      const chunk = this.#chunks[index] as Buffer;
      const copied = chunk.copy(taken, filled);
      filled += copied;
      // The rest of it belongs to the next message.
      if (copied < chunk.length) this.#chunks[index--] = chunk.subarray(copied);
    }
    this.#chunks.splice(0, index);
    return taken;
  }
}
