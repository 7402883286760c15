import { Code, ConnectError } from "@connectrpc/connect";
import type { MessageCounter } from "./message-cost.ts";

const headBytes = 5;
const compressed = 1;

/** Counts what each message of a stream costs by itself; gRPC, gRPC-Web and Connect frame them alike. The
 *  cost of compressed messages is unknown before they are inflated. */
export class EnvelopedCounter implements MessageCounter {
  readonly #newCounter: () => MessageCounter;
  readonly #knowsFlags: boolean;
  #counter: MessageCounter | undefined;
  #headBytes = 0;
  #flags = 0;
  #restBytes = 0;

  /** `knowsFlags`: whether the flag for compressed messages is the only one. */
  constructor(newCounter: () => MessageCounter, knowsFlags: boolean) {
    this.#newCounter = newCounter;
    this.#knowsFlags = knowsFlags;
  }

  push(piece: Uint8Array): void {
    for (let at = 0; at < piece.length; ) {
      if (this.#headBytes < headBytes) {
        this.#head(piece[at++] as number);
        continue;
      }
      const taken = Math.min(this.#restBytes, piece.length - at);
      this.#counter?.push(piece.subarray(at, at + taken));
      at += taken;
      this.#restBytes -= taken;
      if (this.#restBytes === 0) this.#headBytes = 0;
    }
  }

  /** Flags, then the length in four bytes. */
  #head(byte: number): void {
    if (this.#headBytes++ === 0) {
      if (this.#knowsFlags) refuseFlags(byte);
      this.#flags = byte;
      this.#restBytes = 0;
    } else this.#restBytes = this.#restBytes * 256 + byte;
    if (this.#headBytes < headBytes) return;
    this.#counter = (this.#flags & compressed) === 0 ? this.#newCounter() : undefined;
    if (this.#restBytes === 0) this.#headBytes = 0;
  }
}

/** Throws "invalid_argument" unless a message's first byte is 0, or 1 for compressed. */
export function refuseFlags(flags: number): void {
  if (flags <= 1) return;
  throw new ConnectError(
    `protocol error: a message starts with the flags ${flags}, expected 0, or 1 if it is compressed`,
    Code.InvalidArgument,
  );
}
