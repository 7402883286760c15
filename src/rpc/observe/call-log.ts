import { randomUUID } from "node:crypto";
import { Code } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { InferenceTimes } from "../../base/inference-times.ts";
import type { AccessLog } from "../../config/access-log-settings.ts";
import { LogSampler } from "../../observe/log-sampler.ts";
import type { Peer } from "../port/peer.ts";
import { requestIdHeader, requestIdIn } from "./call-facts.ts";
import type {
  CallFacts,
  CallObserver,
  CallProtocol,
  CallStart,
  ObservedCall,
} from "./call-observer.ts";
import type { CallTracing } from "./call-tracing.ts";

export interface CallLogParts {
  readonly log: Logger;
  readonly settings: AccessLog;
  /** Observes the same calls; its trace ids appear in the lines. */
  readonly tracing?: Pick<CallTracing, "begin"> | undefined;
}

/** Gives every call an id, which its response carries in a header, and writes the access log. */
export class CallLog implements CallObserver {
  readonly #parts: CallLogParts;
  readonly #sampler: LogSampler;

  constructor(parts: CallLogParts) {
    this.#parts = parts;
    const { maxLinesPerSecond } = parts.settings;
    this.#sampler = new LogSampler(maxLinesPerSecond || Number.POSITIVE_INFINITY);
  }

  begin(call: CallStart): ObservedCall {
    const inner = this.#parts.tracing?.begin(call);
    const { rpc, protocol, peer, header } = call;
    const requestId = requestIdIn(header) ?? randomUUID();
    const facts = { requestId, traceId: inner?.traceId };
    return new LoggedCall({ rpc, protocol, peer, facts, inner }, this.#write);
  }

  readonly #write = ({ facts, ...line }: CallLine): void => {
    const { log, settings } = this.#parts;
    const isFailure = line.code !== "OK";
    if (settings.calls === "off" || (settings.calls === "failures" && !isFailure)) return;
    // Successful calls must not use up the lines of failed ones.
    const droppedCount = this.#sampler.pass(isFailure ? "failures" : "successes");
    if (droppedCount === undefined) return;
    const dropped = droppedCount === 0 ? {} : { droppedCount };
    log.info({ ...line, ...facts, ...dropped }, "call ended");
  };
}

interface CallLine {
  readonly rpc: string;
  readonly protocol: CallProtocol;
  readonly code: string;
  readonly durationMs: number;
  readonly modelId: string | undefined;
  readonly requestBytes: number | undefined;
  readonly answerBytes: number | undefined;
  readonly peer: Peer | undefined;
  readonly facts: CallFacts;
}

interface LoggedCallParts extends Pick<CallLine, "rpc" | "protocol" | "peer"> {
  readonly inner: ObservedCall | undefined;
}

class LoggedCall implements ObservedCall {
  readonly header: Readonly<Record<string, string>>;
  readonly facts: CallFacts;
  readonly #call: LoggedCallParts;
  readonly #write: (line: CallLine) => void;
  #modelId: string | undefined;
  #requestBytes: number | undefined;
  #answerBytes: number | undefined;

  constructor(
    { facts, ...call }: LoggedCallParts & { readonly facts: CallFacts },
    write: (line: CallLine) => void,
  ) {
    this.header = { [requestIdHeader]: facts.requestId };
    this.facts = facts;
    this.#call = call;
    this.#write = write;
  }

  get times(): InferenceTimes | undefined {
    return this.#call.inner?.times;
  }

  set times(times: InferenceTimes | undefined) {
    if (this.#call.inner !== undefined) this.#call.inner.times = times;
  }

  run<Result>(work: () => Result): Result {
    const { inner } = this.#call;
    return inner?.run === undefined ? work() : inner.run(work);
  }

  model(id: string): void {
    this.#modelId = id;
    this.#call.inner?.model?.(id);
  }

  received(sizeBytes: number): void {
    this.#requestBytes = sizeBytes;
    this.#call.inner?.received?.(sizeBytes);
  }

  sent(sizeBytes: number): void {
    this.#answerBytes = sizeBytes;
    this.#call.inner?.sent?.(sizeBytes);
  }

  status(httpStatus: number): void {
    this.#call.inner?.status?.(httpStatus);
  }

  decoded(durationMs: number): void {
    this.#call.inner?.decoded?.(durationMs);
  }

  encoded(durationMs: number): void {
    this.#call.inner?.encoded?.(durationMs);
  }

  end(code: Code | undefined, durationMs: number): void {
    const { inner, ...call } = this.#call;
    inner?.end(code, durationMs);
    this.#write({
      ...call,
      code: code === undefined ? "OK" : Code[code],
      durationMs: Math.round(durationMs * 1_000) / 1_000,
      modelId: this.#modelId,
      requestBytes: this.#requestBytes,
      answerBytes: this.#answerBytes,
      facts: this.facts,
    });
  }
}
