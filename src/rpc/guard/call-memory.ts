import { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingMessage } from "node:http";
import { Code, ConnectError } from "@connectrpc/connect";
import { Line, type Place } from "../../base/line.ts";
import type { MessageCounter } from "./message-cost.ts";

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
  /** Received, or announced, and answers that were not read. */
  #wireBytes = 0;
  /** What was made of it: inflated, decoded, encoded. */
  #madeBytes = 0;
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
    this.#note(0, 0);
    this.#isOpen = false;
    this.#placeInConnection.leave();
    this.#placeInAll.leave();
  }

  /** The call holds `bytes` of requests and answers now. Where that is too much, others or itself give way. */
  hold(bytes: number): void {
    if (!this.#isOpen) return;
    this.#note(bytes, this.#madeBytes);
    this.#makeRoom();
  }

  /** The call is about to make `bytes` of what it has received. Throws `tooMuch` if they do not fit after others
   *  gave way; it must not make them then. `drop` gives them back, and so does the end of the call. */
  make(bytes: number): void {
    if (!this.#isOpen) throw tooMuch;
    this.#note(this.#wireBytes, this.#madeBytes + bytes);
    this.#makeRoom();
    if (this.#ofConnection.bytes <= this.#ofConnection.maxBytes) {
      if (this.#ofAll.bytes <= this.#ofAll.maxBytes) return;
    }
    this.drop(bytes);
    throw tooMuch;
  }

  drop(bytes: number): void {
    if (this.#isOpen) this.#note(this.#wireBytes, this.#madeBytes - bytes);
  }

  #makeRoom(): void {
    makeRoom(this.#ofConnection);
    makeRoom(this.#ofAll);
  }

  #note(wireBytes: number, madeBytes: number): void {
    const more = wireBytes + madeBytes - this.#wireBytes - this.#madeBytes;
    this.#ofConnection.bytes += more;
    this.#ofAll.bytes += more;
    this.#wireBytes = wireBytes;
    this.#madeBytes = madeBytes;
  }
}

const accountKey = Symbol("account");
type Accounted = object & { [accountKey]?: CallAccount };

/** `owner`: the stream of an HTTP/2 call, or the request of an HTTP/1.1 call. */
export function setAccount(owner: object, account: CallAccount): void {
  (owner as Accounted)[accountKey] = account;
}

/** The account of the call behind `request`, of either HTTP; undefined if nobody watches the call. */
export function accountOf(request: IncomingMessage): CallAccount | undefined {
  const { stream } = request as IncomingMessage & { readonly stream?: Accounted };
  return (request as Accounted)[accountKey] ?? stream?.[accountKey];
}

/** What code has to know of a call that is not told which one it works for, as Connect's decompression is not. */
export interface CallScope {
  readonly account: CallAccount | undefined;
  /** For a message of the call, in the form that it has once it is inflated. */
  readonly newCounter: (() => MessageCounter) | undefined;
}

export const callScope = new AsyncLocalStorage<CallScope>();

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
