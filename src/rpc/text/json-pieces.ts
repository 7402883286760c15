import { Readable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import type { CallAccount } from "../guard/call-memory.ts";
import type { RestReply } from "../rest/add-route.ts";

/** Letters of JSON after which the event loop turns. */
const lettersInTurn = 64 * 1024;

/** The JSON of an answer, written piece by piece: other calls have their turn meanwhile, and each piece counts as the
 *  call's memory before the next is made. */
export class JsonPieces {
  readonly #account: CallAccount | undefined;
  readonly #pieces: Buffer[] = [];
  #text = "";
  #sizeBytes = 0;

  constructor(account: CallAccount | undefined) {
    this.#account = account;
  }

  /** Undefined if the next piece may follow at once. */
  add(text: string): Promise<void> | undefined {
    this.#text += text;
    return this.#text.length < lettersInTurn ? undefined : this.#flush().then(() => turn());
  }

  /** The answer; nothing may be added afterwards. */
  async reply(): Promise<RestReply> {
    await this.#flush();
    const sizeBytes = this.#sizeBytes;
    const [only = Buffer.alloc(0), ...others] = this.#pieces;
    const body = others.length === 0 ? only : Readable.from(this.#pieces, { objectMode: false });
    if (body === only) this.#account?.answer(sizeBytes);
    return {
      headers: { "content-type": "application/json", "content-length": sizeBytes },
      body,
    };
  }

  async #flush(): Promise<void> {
    const piece = Buffer.from(this.#text);
    this.#text = "";
    if (piece.length > 0) await this.#account?.makeInTurn(piece.length);
    this.#pieces.push(piece);
    this.#sizeBytes += piece.length;
  }
}
