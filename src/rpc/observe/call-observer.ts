import type { Code } from "@connectrpc/connect";
import type { InferenceTimes } from "../../base/inference-times.ts";
import type { Peer } from "../port/peer.ts";
import type { HeaderReader } from "./header-reader.ts";

export type CallProtocol = "grpc" | "grpc-web" | "connect" | "rest";

export interface CallStart {
  /** "inference.GRPCInferenceService/ModelInfer"; of REST, and whatever else is plain HTTP, the method and
   *  the route, "POST /v2/models/:model/infer"; `unknownRpc` where there is none. Never what a caller can
   *  make up. */
  readonly rpc: string;
  readonly protocol: CallProtocol;
  readonly header: HeaderReader;
  readonly peer: Peer | undefined;
}

/** Whoever wants to know of calls: of each that reaches the port, whichever way it goes and however it ends.
 *  What is called here is called on the way of every call: it must not throw, and should cost nothing. */
export interface CallObserver {
  /** Undefined: it does not want to know of this one. `call` is of use only until this returns. */
  begin(call: CallStart): ObservedCall | undefined;
}

/** May be shared by several calls. Of one call `end` comes last, once. */
export interface ObservedCall {
  /** If given, it is filled in as the inference of this call goes; complete by `end`. Observers of one call
   *  share the first's, which the others are then given. */
  times?: InferenceTimes | undefined;
  /** Headers that its answer is to have. */
  readonly header?: Readonly<Record<string, string>> | undefined;
  /** What lines of the log about this call are to have. */
  readonly facts?: CallFacts | undefined;
  /** The model that the call is about, as soon as that is known; for each message of a stream. */
  model?(id: string): void;
  /** Runs the handler of the call, if given. */
  run?<Result>(work: () => Result): Result;
  /** Bytes of the request's message, and of the answer's, as far as they are known; 0 if it has none. */
  received?(sizeBytes: number): void;
  sent?(sizeBytes: number): void;
  /** HTTP's status, where the answer has no other. */
  status?(httpStatus: number): void;
  /** How long it took to read the request, and to make bytes of the answer. Not of calls that Connect reads
   *  and writes. */
  decoded?(durationMs: number): void;
  encoded?(durationMs: number): void;
  /** It is answered, or nobody is there to be answered. `code`: undefined for OK. */
  end(code: Code | undefined, durationMs: number): void;
}

/** Ids by which the lines of one call are found. */
export interface CallFacts {
  readonly requestId: string;
  readonly traceId?: string | undefined;
}

/** For what reaches no route. */
export const unknownRpc = "unknown";

/** One observer that tells all of them; undefined if there is none. */
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
  readonly #calls: readonly ObservedCall[];

  constructor(calls: readonly ObservedCall[]) {
    this.#calls = calls;
    for (const call of calls) {
      this.times ??= call.times;
      if (call.times !== undefined) call.times = this.times;
      this.header ??= call.header;
      this.facts ??= call.facts;
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
