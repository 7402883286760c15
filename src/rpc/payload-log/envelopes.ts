import type { PayloadCopy } from "./payload-copy.ts";

const headBytes = 5;
/** Flags of messages: 0, or 1 for compressed ones. Others mark the end of a stream. */
const compressedFlag = 1;

/** Splits what gRPC, gRPC-Web and Connect's streams send into messages, as its pieces come. */
export class Envelopes {
  readonly #newCopy: () => PayloadCopy | undefined;
  readonly #onMessage: (message: PayloadCopy | undefined, isCompressed: boolean) => void;
  readonly #head = Buffer.alloc(headBytes);
  #headFilled = 0;
  #left = 0;
  #copy: PayloadCopy | undefined;

  /** `newCopy` is asked at the start of each message; undefined: it is not kept. */
  constructor(
    newCopy: () => PayloadCopy | undefined,
    onMessage: (message: PayloadCopy | undefined, isCompressed: boolean) => void,
  ) {
    this.#newCopy = newCopy;
    this.#onMessage = onMessage;
  }

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#headFilled < headBytes) {
        this.#head[this.#headFilled++] = chunk[at++] as number;
        if (this.#headFilled < headBytes) continue;
        this.#left = this.#head.readUInt32BE(1);
        this.#copy = this.#isMessage ? this.#newCopy() : undefined;
      } else {
        const end = Math.min(chunk.length, at + this.#left);
        this.#copy?.add(chunk.subarray(at, end));
        this.#left -= end - at;
        at = end;
      }
      if (this.#left === 0) this.#endMessage();
    }
  }

  get #isMessage(): boolean {
    return (this.#head[0] as number) <= compressedFlag;
  }

  #endMessage(): void {
    this.#headFilled = 0;
    if (!this.#isMessage) return;
    const copy = this.#copy;
    this.#copy = undefined;
    this.#onMessage(copy, this.#head[0] === compressedFlag);
  }

  /** What is kept of a message that did not end. */
  abandon(): void {
    this.#copy?.letGo();
    this.#copy = undefined;
  }
}
