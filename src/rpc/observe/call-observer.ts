import type { Code } from "@connectrpc/connect";
import type { InferenceTimes } from "../../base/inference-times.ts";
import type { Peer } from "../port/peer.ts";
import type { HeaderReader } from "./header-reader.ts";

export type CallProtocol = "grpc" | "grpc-web" | "connect" | "rest";

export interface CallStart {
  /** "inference.GRPCInferenceService/ModelInfer"; for REST and other plain HTTP the method and the route, "POST
   *  /v2/models/:model/infer"; `unknownRpc` if there is none. Never text that a client can choose. */
  readonly rpc: string;
  readonly protocol: CallProtocol;
  readonly header: HeaderReader;
  readonly peer: Peer | undefined;
  /** The call's messages come without envelopes: it is on the fast path. */
  readonly isBare?: boolean;
}

/** How an answer begins, over HTTP. */
export interface AnswerHead {
  readonly status: number;
  /** By lower-case names. */
  header(name: string): string | undefined;
}

/** Sees what a call carries, as it travels. These methods must not throw. */
export interface PayloadTap {
  /** A piece of the request. Copy it: it may be reused. On the fast path it is the whole message, and stays as it is
   *  until the call's `end`. */
  request(bytes: Uint8Array): void;
  /** Comes before the answer's first piece, except on the fast path, which has no other status than that of `end`. */
  head(head: AnswerHead): void;
  /** A piece of the answer, which stays as it is until the call's `end`. */
  answer(bytes: Uint8Array): void;
}

/** An observer of calls: of each that reaches the port, by whichever path and however it ends. These methods
 *  run in every call: they must not throw, and should cost nothing. */
export interface CallObserver {
  /** Undefined: this call is not observed. `call` is valid only until this returns. */
  begin(call: CallStart): ObservedCall | undefined;
}

/** May be shared by several calls. `end` comes last, once per call. */
export interface ObservedCall {
  /** If given, it is filled in as the call's inference proceeds, and complete by `end`. When a call has several
   *  observers, the others are given the first one's. */
  times?: InferenceTimes | undefined;
  /** Headers for the response. */
  readonly header?: Readonly<Record<string, string>> | undefined;
  /** Fields for all log lines about this call. */
  readonly facts?: CallFacts | undefined;
  /** If given, it sees the call's payloads. One observer of a call may have it. */
  readonly payload?: PayloadTap | undefined;
  /** Reports the call's model as soon as it is known; for streams, with each message. */
  model?(id: string): void;
  /** Runs the call's handler, if given. */
  run?<Result>(work: () => Result): Result;
  /** Bytes of the request message and of the response message, if known; 0 if there is none. */
  received?(sizeBytes: number): void;
  sent?(sizeBytes: number): void;
  /** The HTTP status, if the response has no other. */
  status?(httpStatus: number): void;
  /** How long it took to decode the request and to encode the response. Not for calls that Connect decodes and
   *  encodes. */
  decoded?(durationMs: number): void;
  encoded?(durationMs: number): void;
  /** The call is over: the response was sent, or the client has left. `code`: undefined for OK. */
  end(code: Code | undefined, durationMs: number): void;
}

/** The ids that group a call's log lines. */
export interface CallFacts {
  readonly requestId: string;
  readonly traceId?: string | undefined;
}

/** For requests that match no route. */
export const unknownRpc = "unknown";

/** One observer that passes everything on to all of them; undefined if there are none. */
export function combineObservers(
  observers: readonly (CallObserver | undefined)[],
): CallObserver | undefined {
  const all = observers.filter((observer) => observer !== undefined);
  if (all.length <= 1) return all[0];
  return {
    begin(call) {
      const calls: ObservedCall[] = [];
      for (const observer of all) {
        const observed = observer.begin(call);
        if (observed !== undefined) calls.push(observed);
      }
      return calls.length <= 1 ? calls[0] : new CombinedCall(calls);
    },
  };
}

class CombinedCall implements ObservedCall {
  readonly times: InferenceTimes | undefined;
  readonly header: ObservedCall["header"];
  readonly facts: CallFacts | undefined;
  readonly payload: PayloadTap | undefined;
  readonly #calls: readonly ObservedCall[];

  constructor(calls: readonly ObservedCall[]) {
    this.#calls = calls;
    for (const call of calls) {
      this.times ??= call.times;
      if (call.times !== undefined) call.times = this.times;
      this.header ??= call.header;
      this.facts ??= call.facts;
      this.payload ??= call.payload;
    }
  }

  run<Result>(work: () => Result): Result {
    return this.#calls.reduceRight(
      (inner, call) => (call.run === undefined ? inner : () => call.run?.(inner) as Result),
      work,
    )();
  }

  received(sizeBytes: number): void {
    for (const call of this.#calls) call.received?.(sizeBytes);
  }

  sent(sizeBytes: number): void {
    for (const call of this.#calls) call.sent?.(sizeBytes);
  }

  model(id: string): void {
    for (const call of this.#calls) call.model?.(id);
  }

  status(httpStatus: number): void {
    for (const call of this.#calls) call.status?.(httpStatus);
  }

  decoded(durationMs: number): void {
    for (const call of this.#calls) call.decoded?.(durationMs);
  }

  encoded(durationMs: number): void {
    for (const call of this.#calls) call.encoded?.(durationMs);
  }

  end(code: Code | undefined, durationMs: number): void {
    for (const call of this.#calls) call.end(code, durationMs);
  }
}
