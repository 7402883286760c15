import { Code, ConnectError } from "@connectrpc/connect";
import { Line, type Place } from "../line.ts";

/** A call that holds memory. */
export interface HeldCall {
  /** Ends the call if it holds memory while the server waits for its client to send or to read. */
  giveWay(): void;
}

/** What the calls of one connection, or of all, hold; oldest first. */
interface Share {
  readonly maxBytes: number;
  readonly calls: Line<HeldCall>;
  bytes: number;
}

/** Why a call had to give way. */
export const tooMuch = new ConnectError(
  "the requests under way hold too much memory; try again",
  Code.ResourceExhausted,
);

/** The memory that calls hold from the first byte of their request until they are over, whatever way they
 *  go and whoever reads them. Where it becomes too much, the call gives way that has waited for its client
 *  for longest. */
export class CallMemory {
  readonly #maxConnectionBytes: number;
  readonly #all: Share;
  /** Keys are sessions of HTTP/2 and sockets of HTTP/1.1. */
  readonly #connections = new WeakMap<object, Share>();

  constructor({
    maxConnectionBytes,
    maxCallBytes,
  }: Record<"maxConnectionBytes" | "maxCallBytes", number>) {
    this.#maxConnectionBytes = maxConnectionBytes;
    this.#all = newShare(maxCallBytes);
  }

  /** `connection`: a session of HTTP/2 or a socket of HTTP/1.1. */
  open(call: HeldCall, connection: object): CallAccount {
    return new CallAccount(call, this.#shareOf(connection), this.#all);
  }

  #shareOf(connection: object): Share {
    const known = this.#connections.get(connection);
    if (known !== undefined) return known;
    const share = newShare(this.#maxConnectionBytes);
    this.#connections.set(connection, share);
    return share;
  }
}

/** What one call holds. */
export class CallAccount {
  readonly #ofConnection: Share;
  readonly #ofAll: Share;
  readonly #placeInConnection: Place<HeldCall>;
  readonly #placeInAll: Place<HeldCall>;
  #bytes = 0;
  #isOpen = true;

  /** For `CallMemory`. */
  constructor(call: HeldCall, ofConnection: Share, ofAll: Share) {
    this.#ofConnection = ofConnection;
    this.#ofAll = ofAll;
    this.#placeInConnection = ofConnection.calls.add(call);
    this.#placeInAll = ofAll.calls.add(call);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The call is over, or was told to be. Idempotent. */
  close(): void {
    if (!this.#isOpen) return;
    this.#note(0);
    this.#isOpen = false;
    this.#placeInConnection.leave();
    this.#placeInAll.leave();
  }

  /** The call holds `bytes` now. What it holds no more room for, others or itself give way for. */
  hold(bytes: number): void {
    if (!this.#isOpen) return;
    this.#note(bytes);
    makeRoom(this.#ofConnection);
    makeRoom(this.#ofAll);
  }

  #note(bytes: number): void {
    this.#ofConnection.bytes += bytes - this.#bytes;
    this.#ofAll.bytes += bytes - this.#bytes;
    this.#bytes = bytes;
  }
}

function newShare(maxBytes: number): Share {
  return { maxBytes, calls: new Line(), bytes: 0 };
}

function makeRoom(share: Share): void {
  if (share.bytes <= share.maxBytes) return;
  for (const call of share.calls) {
    if (share.bytes <= share.maxBytes) return;
    call.giveWay();
  }
}
