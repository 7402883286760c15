import { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingMessage } from "node:http";
import { Code, ConnectError } from "@connectrpc/connect";
import { type LinkedNode, LinkedQueue } from "../../base/linked-queue.ts";
import type { MessageCounter } from "./message-cost.ts";

/** A call that holds memory. */
export interface HeldCall {
  /** When its client last sent something, or took something of the answer; `performance.now()`. */
  readonly movedMs: number;
  /** It holds much that no usual client sends, such as huge headers: it is evicted before all others. */
  readonly isOdd?: boolean;
  /** Ends the call if it holds memory while the server waits for its client to send or to read. */
  giveWay(): void;
}

/** Calls that hold no more are small: memory held by large ones is no reason to refuse them. */
const smallBytes = 64 * 1024;
/** How much small calls may hold together beyond the common limit. */
const smallReserveBytes = 4 * 1024 * 1024;
/** How long one call may continue to arrive while all others are evicted, and what it must receive meanwhile to
 *  get as long again: on a busy machine a large call takes longer than that. */
const favourMs = 5_000;
const favourBytes = 4 * 1024 * 1024;
/** A client that has not moved for this long is evicted first, however little its call holds. */
const stalledMs = 1_000;
/** Calls that hold less than the first are evicted after those that hold more, and so on. */
const evictionSteps: readonly number[] = [1024 * 1024, smallBytes, 0];
/** How long a call waits for others that are processing what they hold. */
const turnMs = 2_000;

/** A smaller response is noticed soon enough. */
const leastAnswerBytes = 64 * 1024;
/** Time between two checks of unread responses. */
const answerLookMs = 500;

/** What the calls of one connection, or all calls, hold; oldest first. */
interface Share {
  readonly maxBytes: number;
  readonly calls: LinkedQueue<CallAccount>;
  /** Those of them that are odd. */
  readonly odd: LinkedQueue<CallAccount>;
  bytes: number;
  /** Bytes taken since the start, including those given back. */
  takenBytes: number;
  /** The call that is not evicted until then. If all arriving calls evicted each other, none would arrive. */
  favoured: { readonly call: CallAccount; untilMs: number; bytes: number } | undefined;
  /** Calls that have allocated something for processing. */
  makers: number;
  /** Calls that wait for room, oldest first. */
  readonly waiting: Waiting[];
}

interface Waiting {
  readonly account: CallAccount;
  /** Another try is worthwhile, or there has been none. */
  resolve(hasRoom: boolean): void;
}

/** Why a call was evicted. */
export const tooMuch = new ConnectError(
  "the requests under way hold too much memory; try again",
  Code.ResourceExhausted,
);

/** The memory that calls hold from the first byte of their request until they are over, however they end and
 *  whichever code reads them. When it exceeds the limit, odd calls are evicted, then those whose clients do not move, then
 *  large ones, the oldest first. */
export class CallMemory {
  readonly #maxConnectionBytes: number;
  readonly #all: Share;
  /** Keys are HTTP/2 sessions and HTTP/1.1 sockets. */
  readonly #connections = new WeakMap<object, Share>();

  constructor({
    maxConnectionBytes,
    maxCallBytes,
  }: Record<"maxConnectionBytes" | "maxCallBytes", number>) {
    this.#maxConnectionBytes = maxConnectionBytes;
    this.#all = newShare(maxCallBytes);
  }

  /** Bytes that all calls hold now. */
  get heldBytes(): number {
    return this.#all.bytes;
  }

  /** Bytes that calls have taken since the start, including those they no longer hold. */
  get takenBytes(): number {
    return this.#all.takenBytes;
  }

  /** `connection`: an HTTP/2 session or an HTTP/1.1 socket. */
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
  readonly #call: HeldCall;
  readonly #ofConnection: Share;
  readonly #ofAll: Share;
  readonly #places: readonly LinkedNode<CallAccount>[];
  /** Received or announced bytes, and unread responses. */
  #wireBytes = 0;
  /** What was made from it: inflated, decoded, encoded. */
  #madeBytes = 0;
  #isOpen = true;
  readonly #number = accountCount++;
  readonly openedMs: number;

  /** For `CallMemory`. */
  constructor(call: HeldCall, ofConnection: Share, ofAll: Share) {
    this.#call = call;
    this.openedMs = call.movedMs;
    this.#ofConnection = ofConnection;
    this.#ofAll = ofAll;
    const places = [ofConnection.calls.add(this), ofAll.calls.add(this)];
    if (call.isOdd) places.push(ofConnection.odd.add(this), ofAll.odd.add(this));
    this.#places = places;
  }

  get heldBytes(): number {
    return this.#wireBytes + this.#madeBytes;
  }

  /** Evicting small calls would free next to nothing. */
  get isSmall(): boolean {
    return this.heldBytes <= smallBytes;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The call is over, or was told to end. Idempotent. */
  close(): void {
    if (!this.#isOpen) return;
    this.#note(0, 0);
    this.#isOpen = false;
    this.#ofAll.waiting.find(({ account }) => account === this)?.resolve(false);
    for (const place of this.#places) place.leave();
    for (const share of [this.#ofConnection, this.#ofAll]) {
      if (share.favoured?.call === this) share.favoured = undefined;
    }
  }

  /** The call now holds `bytes` of requests and responses. If that exceeds the limit, other calls or this one
   *  are evicted. */
  hold(bytes: number): void {
    if (!this.#isOpen) return;
    this.#note(bytes, this.#madeBytes);
    this.#makeRoom();
  }

  /** The call is about to allocate `bytes` to process what it has received. Throws `tooMuch` if they do not
   *  fit after evicting other calls; then it must not allocate them. `drop` gives them back, and so does the
   *  end of the call. */
  make(bytes: number): void {
    if (!this.#isOpen) throw tooMuch;
    this.#note(this.#wireBytes, this.#madeBytes + bytes);
    this.#makeRoom();
    const more = this.isSmall ? smallReserveBytes : 0;
    if (this.#ofConnection.bytes <= this.#ofConnection.maxBytes + more) {
      if (this.#ofAll.bytes <= this.#ofAll.maxBytes + more) return;
    }
    // This gives no waiting call more room.
    this.#note(this.#wireBytes, this.#madeBytes - bytes, { wakes: false });
    throw tooMuch;
  }

  /** As `make`, but waits for other calls that are processing what they hold and will give it back. Calls
   *  that all wait for each other would do so for ever: then the youngest is refused, so that the oldest
   *  always gets through. */
  async makeInTurn(bytes: number): Promise<void> {
    const endMs = performance.now() + turnMs;
    for (;;) {
      try {
        this.make(bytes);
        return;
      } catch (reason) {
        if (!(await this.#turn(endMs - performance.now()))) throw reason;
      }
    }
  }

  /** Resolves when another try is worthwhile; with false if it is not. */
  #turn(limitMs: number): Promise<boolean> {
    if (!this.#isOpen || limitMs <= 0) return Promise.resolve(false);
    const { waiting } = this.#ofAll;
    return new Promise((resolve) => {
      const timer = setTimeout(() => entry.resolve(false), limitMs).unref();
      const entry: Waiting = {
        account: this,
        resolve(hasRoom) {
          const at = waiting.indexOf(entry);
          if (at < 0) return;
          clearTimeout(timer);
          waiting.splice(at, 1);
          resolve(hasRoom);
        },
      };
      const younger = waiting.findIndex(({ account }) => account.#number > this.#number);
      waiting.splice(younger < 0 ? waiting.length : younger, 0, entry);
      this.#refuseYoungest();
    });
  }

  /** Called when no working call is left that could give something back. Prefers calls that hold something:
   *  the others have nothing to give. */
  #refuseYoungest(): void {
    const { waiting, makers } = this.#ofAll;
    const waitingMakers = waiting.filter(({ account }) => account.#madeBytes > 0);
    if (waitingMakers.length >= makers) (waitingMakers.at(-1) ?? waiting.at(-1))?.resolve(false);
  }

  /** A response of `bytes` is about to be written. Throws as `make` does. Once its writing is tracked, `hold`
   *  receives what is left of it. */
  answer(bytes: number): void {
    if (bytes < leastAnswerBytes) return;
    this.make(bytes);
    setTimeout(() => this.drop(bytes), answerLookMs).unref();
  }

  drop(bytes: number): void {
    if (this.#isOpen) this.#note(this.#wireBytes, this.#madeBytes - bytes);
  }

  #makeRoom(): void {
    makeRoom(this.#ofConnection, this);
    makeRoom(this.#ofAll, this);
  }

  get movedMs(): number {
    return this.#call.movedMs;
  }

  /** For other calls that need room: as `HeldCall.giveWay`. */
  giveWay(): void {
    this.#call.giveWay();
  }

  #note(wireBytes: number, madeBytes: number, { wakes } = { wakes: true }): void {
    const more = wireBytes + madeBytes - this.#wireBytes - this.#madeBytes;
    this.#ofConnection.bytes += more;
    this.#ofAll.bytes += more;
    if (more > 0) this.#ofAll.takenBytes += more;
    this.#ofAll.makers += Number(madeBytes > 0) - Number(this.#madeBytes > 0);
    this.#wireBytes = wireBytes;
    this.#madeBytes = madeBytes;
    if (more < 0 && wakes) this.#ofAll.waiting[0]?.resolve(true);
  }
}

let accountCount = 0;
const accountKey = Symbol("account");
type Accounted = object & { [accountKey]?: CallAccount };

/** `owner`: the stream of an HTTP/2 call, or the request of an HTTP/1.1 call. */
export function setAccount(owner: object, account: CallAccount): void {
  (owner as Accounted)[accountKey] = account;
}

/** The account of the call behind `request`, in HTTP/1.1 or HTTP/2; undefined if the call is not tracked. */
export function accountOf(request: IncomingMessage): CallAccount | undefined {
  const { stream } = request as IncomingMessage & { readonly stream?: Accounted };
  return (request as Accounted)[accountKey] ?? stream?.[accountKey];
}

/** The account for code that is not passed its call, such as Connect's decompression. */
export interface CallScope {
  readonly account: CallAccount | undefined;
  /** For a message of the call, in its inflated form. */
  readonly newCounter: (() => MessageCounter) | undefined;
}

export const callScope = new AsyncLocalStorage<CallScope>();

function newShare(maxBytes: number): Share {
  return {
    maxBytes,
    calls: new LinkedQueue(),
    odd: new LinkedQueue(),
    bytes: 0,
    takenBytes: 0,
    favoured: undefined,
    makers: 0,
    waiting: [],
  };
}

/** `asking` needs room. */
function makeRoom(share: Share, asking: CallAccount): void {
  if (share.bytes <= share.maxBytes) return;
  const favoured = favouredCall(share, asking);
  evictOddAndStalled(share, favoured);
  let belowBytes = Number.POSITIVE_INFINITY;
  for (const fromBytes of evictionSteps) {
    // Many small calls together are no small matter.
    const limitBytes = share.maxBytes + (fromBytes === 0 ? smallReserveBytes : 0);
    for (const call of share.calls) {
      if (share.bytes <= limitBytes) break;
      const { heldBytes } = call;
      if (call !== favoured && heldBytes >= fromBytes && heldBytes < belowBytes) call.giveWay();
    }
    belowBytes = fromBytes;
  }
  const isTooMuch = favoured.heldBytes > share.maxBytes;
  if (isTooMuch || share.bytes > share.maxBytes + smallReserveBytes) favoured.giveWay();
}

function evictOddAndStalled(share: Share, favoured: CallAccount): void {
  for (const call of share.odd) {
    if (share.bytes <= share.maxBytes) return;
    call.giveWay();
  }
  const beforeMs = performance.now() - stalledMs;
  for (const call of share.calls) {
    if (share.bytes <= share.maxBytes || call.openedMs > beforeMs) return;
    if (call !== favoured && call.movedMs <= beforeMs) call.giveWay();
  }
}

function favouredCall(share: Share, asking: CallAccount): CallAccount {
  const nowMs = performance.now();
  const { favoured } = share;
  if (favoured !== undefined && favoured.untilMs >= nowMs) return favoured.call;
  if (favoured !== undefined && favoured.call.heldBytes - favoured.bytes >= favourBytes) {
    favoured.untilMs = nowMs + favourMs;
    favoured.bytes = favoured.call.heldBytes;
    return favoured.call;
  }
  share.favoured = { call: asking, untilMs: nowMs + favourMs, bytes: asking.heldBytes };
  return asking;
}
