import { Code, ConnectError } from "@connectrpc/connect";
import { messageLimit } from "../failures/error-codes.ts";
import { refuseFlags } from "../guard/enveloped-counter.ts";
import type { MessageBuffers } from "./message-buffers.ts";

const headBytes = 5;
const none: readonly never[] = [];

export interface GrpcMessage {
  readonly isCompressed: boolean;
  /** A view of the received data if it came in one piece, otherwise a copy. */
  readonly bytes: Uint8Array;
}

/** The message in `chunk`, if that is one message of up to `maxBytes` and nothing else, as is usual for small
 *  requests. A view. */
export function wholeMessage(chunk: Buffer, maxBytes: number): GrpcMessage | undefined {
  if (chunk.length < headBytes) return undefined;
  const sizeBytes = chunk.readUInt32BE(1);
  if (chunk.length !== headBytes + sizeBytes || sizeBytes > maxBytes) return undefined;
  refuseFlags(chunk[0] as number);
  const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset + headBytes, sizeBytes);
  return { isCompressed: chunk[0] === 1, bytes };
}

/** Cuts the body of a gRPC request into messages. A message is assembled as it arrives, while it is still in
 *  the processor's caches: in an idle buffer, or in a new one once half of it is here. A message's head alone
 *  reserves no more memory than that. */
export class GrpcMessageReader {
  readonly #maxBytes: number;
  readonly #buffers: MessageBuffers;
  /** The buffer in which the last message was assembled, if it was. */
  #borrowed: Uint8Array<ArrayBuffer> | undefined;
  /** Received data that is not part of a message yet. */
  #chunks: Buffer[] = [];
  #bufferedBytes = 0;
  /** The size of the current message, once its head is here. */
  #head: { readonly isCompressed: boolean; readonly sizeBytes: number } | undefined;
  /** Where the current message is assembled, and how much of it has arrived. */
  #growing: Uint8Array<ArrayBuffer> | undefined;
  #grownBytes = 0;

  constructor(maxBytes: number, buffers: MessageBuffers) {
    this.#maxBytes = maxBytes;
    this.#buffers = buffers;
  }

  /** The messages that `chunk` completes; it must not be changed afterwards. Throws "resource_exhausted" as
   *  soon as a head announces a message that is too large. */
  push(chunk: Buffer): readonly GrpcMessage[] {
    const isBetween = this.#bufferedBytes === 0 && this.#head === undefined;
    const whole = isBetween ? wholeMessage(chunk, this.#maxBytes) : undefined;
    if (whole !== undefined) return [whole];
    this.#keep(chunk);
    if (this.#growing !== undefined && this.#grownBytes < this.#growing.length) return none;
    const messages: GrpcMessage[] = [];
    for (let message = this.#next(); message !== undefined; message = this.#next()) {
      messages.push(message);
    }
    if (this.#head !== undefined) this.#startToGrow(this.#head.sizeBytes);
    return messages;
  }

  /** Throws "invalid_argument" if the body ended within a message. */
  end(): void {
    if (this.#bufferedBytes === 0) return;
    throw new ConnectError("protocol error: incomplete envelope", Code.InvalidArgument);
  }

  /** Returns the memory of the last message. Call it when nothing reads that any more, or never. */
  release(): void {
    if (this.#borrowed !== undefined) this.#buffers.giveBack(this.#borrowed);
    this.#borrowed = undefined;
    this.abandon();
  }

  /** Returns the memory of an incomplete message. Nothing may be pushed afterwards. */
  abandon(): void {
    if (this.#growing !== undefined) this.#buffers.giveBack(this.#growing);
    this.#growing = undefined;
  }

  #next(): GrpcMessage | undefined {
    this.#head ??= this.#readHead();
    if (this.#head === undefined || this.#bufferedBytes < this.#head.sizeBytes) return undefined;
    const { isCompressed, sizeBytes } = this.#head;
    this.#head = undefined;
    return { isCompressed, bytes: this.#takeGrown() ?? this.#take(sizeBytes) };
  }

  #keep(chunk: Buffer): void {
    this.#bufferedBytes += chunk.length;
    const growing = this.#growing;
    if (growing === undefined) {
      this.#chunks.push(chunk);
      return;
    }
    const rest = growing.length - this.#grownBytes;
    if (chunk.length <= rest) {
      growing.set(chunk, this.#grownBytes);
      this.#grownBytes += chunk.length;
      return;
    }
    growing.set(chunk.subarray(0, rest), this.#grownBytes);
    this.#grownBytes = growing.length;
    this.#chunks.push(chunk.subarray(rest));
  }

  #startToGrow(sizeBytes: number): void {
    const isHalfHere = this.#bufferedBytes * 2 >= sizeBytes;
    const growing = isHalfHere ? this.#buffers.take(sizeBytes) : this.#buffers.takeIdle(sizeBytes);
    if (growing === undefined) return;
    for (const chunk of this.#chunks) {
      growing.set(chunk, this.#grownBytes);
      this.#grownBytes += chunk.length;
    }
    this.#chunks = [];
    this.#growing = growing;
  }

  #takeGrown(): Uint8Array | undefined {
    const grown = this.#growing;
    if (grown === undefined) return undefined;
    this.#bufferedBytes -= grown.length;
    this.#growing = undefined;
    this.#grownBytes = 0;
    this.#borrowed = grown;
    return grown;
  }

  #readHead() {
    if (this.#bufferedBytes < headBytes) return undefined;
    const head = this.#take(headBytes);
    refuseFlags(head[0] as number);
    const sizeBytes = new DataView(head.buffer, head.byteOffset).getUint32(1);
    if (sizeBytes > this.#maxBytes) {
      throw new ConnectError(
        `message size ${sizeBytes} is larger than ${messageLimit(this.#maxBytes)}`,
        Code.ResourceExhausted,
      );
    }
    return { isCompressed: head[0] === 1, sizeBytes };
  }

  /** The first `byteCount` of the buffered bytes; at least that many are buffered. */
  #take(byteCount: number): Uint8Array {
    this.#bufferedBytes -= byteCount;
    const [first] = this.#chunks;
    if (first === undefined) return new Uint8Array(0);
    if (first.length < byteCount) return this.#join(byteCount);
    if (first.length === byteCount) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(byteCount);
    // Not a Buffer, whose slice() shares memory; that of a Uint8Array copies.
    return new Uint8Array(first.buffer, first.byteOffset, byteCount);
  }

  #join(byteCount: number): Uint8Array {
    const joined = this.#buffers.take(byteCount);
    this.#borrowed = joined;
    let filled = 0;
    let count = 0;
    for (const chunk of this.#chunks) {
      const rest = byteCount - filled;
      if (chunk.length > rest) {
        joined.set(chunk.subarray(0, rest), filled);
        this.#chunks[count] = chunk.subarray(rest);
        break;
      }
      joined.set(chunk, filled);
      filled += chunk.length;
      count++;
    }
    this.#chunks.splice(0, count);
    return joined;
  }
}
