import { Code, ConnectError } from "@connectrpc/connect";

/** A call that holds memory. */
export interface HeldCall {
  /** Ends the call if it holds memory while the server waits for its client to send or to read. */
  giveWay(): void;
}

/** What the calls of one connection, or of all, hold; oldest first. */
interface Share {
  readonly maxBytes: number;
  readonly calls: Set<HeldCall>;
  bytes: number;
}

interface Account {
  /** What it counts in: its connection's share, and all. */
  readonly shares: readonly Share[];
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
  readonly #accounts = new Map<HeldCall, Account>();

  constructor({
    maxConnectionBytes,
    maxCallBytes,
  }: Record<"maxConnectionBytes" | "maxCallBytes", number>) {
    this.#maxConnectionBytes = maxConnectionBytes;
    this.#all = newShare(maxCallBytes);
  }

  open(call: HeldCall, connection: object): void {
    const shares = [this.#shareOf(connection), this.#all];
    for (const share of shares) share.calls.add(call);
    this.#accounts.set(call, { shares, bytes: 0 });
  }

  /** The call is over, or was told to be. Idempotent. */
  close(call: HeldCall): void {
    this.#note(call, 0);
    for (const share of this.#accounts.get(call)?.shares ?? []) share.calls.delete(call);
    this.#accounts.delete(call);
  }

  /** `call` holds `bytes` now. What it holds no more room for, others or itself give way for. */
  hold(call: HeldCall, bytes: number): void {
    const account = this.#note(call, bytes);
    for (const share of account?.shares ?? []) makeRoom(share);
  }

  #note(call: HeldCall, bytes: number): Account | undefined {
    const account = this.#accounts.get(call);
    if (account === undefined) return undefined;
    for (const share of account.shares) share.bytes += bytes - account.bytes;
    account.bytes = bytes;
    return account;
  }

  #shareOf(connection: object): Share {
    const known = this.#connections.get(connection);
    if (known !== undefined) return known;
    const share = newShare(this.#maxConnectionBytes);
    this.#connections.set(connection, share);
    return share;
  }
}

function newShare(maxBytes: number): Share {
  return { maxBytes, calls: new Set(), bytes: 0 };
}

function makeRoom(share: Share): void {
  for (const call of share.calls) {
    if (share.bytes <= share.maxBytes) return;
    call.giveWay();
  }
}
