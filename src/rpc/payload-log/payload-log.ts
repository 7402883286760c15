import type { PayloadLogSettings } from "../../config/payload-log/payload-log-settings.ts";
import type { PayloadLogState } from "../../service/contract/runtime-feed.ts";
import type { CallObserver, CallStart, ObservedCall } from "../observe/call-observer.ts";
import { EventQueue, type SentRecords } from "./event-queue.ts";
import { type CallSettings, LoggedCall } from "./logged-call.ts";
import { frameOf, isInference } from "./logged-rpc.ts";
import { LoggedStream } from "./logged-stream.ts";
import { PayloadThread } from "./payload-thread.ts";
import { Sampler } from "./sampler.ts";
import type { DropReason, PayloadReport } from "./thread-messages.ts";

/** For metrics. Counts are of events since the start. */
export interface PayloadLogFigures {
  readonly isFailing: boolean;
  readonly queueBytes: number;
  readonly queueEvents: number;
  readonly logged: { readonly request: number; readonly response: number };
  readonly dropped: ReadonlyMap<DropReason, number>;
}

interface Log {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}

/** Logs what calls ask and are answered. A call that is not picked, or for which there is no room, costs a look; one
 *  that is logged costs a copy of its bytes. Everything else is the work of a thread. */
export class PayloadLog implements CallObserver {
  readonly #settings: CallSettings;
  readonly #queue: EventQueue;
  readonly #sampler: Sampler;
  readonly #thread: PayloadThread;
  readonly #known = new Map<string, boolean>();
  readonly #logged = { request: 0, response: 0 };
  readonly #log: Log;
  /** Of a whole call. */
  readonly #eventsOfCall: number;
  /** Handed to the thread and not reported. */
  readonly #outstanding = { bytes: 0, events: 0 };
  #failure: string | undefined;
  #isClosed = false;
  /** What the thread may still say has been counted. */
  #isEnded = false;

  constructor(settings: PayloadLogSettings, log: Log) {
    const { mode, maxBytes, queueBytes, queueEvents, headers, sampledShare, seed } = settings;
    this.#log = log;
    this.#queue = new EventQueue({
      maxBytes: queueBytes,
      maxEvents: queueEvents,
      send: (sent) => this.#send(sent),
    });
    const takesRequests = mode !== "response";
    const takesAnswers = mode !== "request";
    this.#settings = { queue: this.#queue, takesRequests, takesAnswers, maxBytes, headers };
    this.#eventsOfCall = Number(takesRequests) + Number(takesAnswers);
    this.#sampler = new Sampler(sampledShare, seed);
    this.#thread = new PayloadThread({
      settings,
      onReport: (report) => this.#take(report),
      onLoss: (reason) => this.#lose(reason),
    });
  }

  begin(call: CallStart): ObservedCall | undefined {
    if (!this.#isLogged(call.rpc)) return undefined;
    const frame = frameOf(call);
    if (frame === "stream") return new LoggedStream(call, this.#settings, this.#sampler);
    if (!this.#sampler.next()) return undefined;
    if (this.#isClosed || !this.#queue.hasRoom) {
      this.#queue.drop(this.#isClosed ? "shutdown" : "queue_full", this.#eventsOfCall);
      return undefined;
    }
    return new LoggedCall(call, this.#settings, frame === "message");
  }

  get figures(): PayloadLogFigures {
    return {
      isFailing: this.#failure !== undefined,
      queueBytes: this.#queue.bytes,
      queueEvents: this.#queue.events,
      logged: { ...this.#logged },
      dropped: this.#queue.dropped,
    };
  }

  /** For watchers. */
  get state(): PayloadLogState {
    const { logged, dropped, ...known } = this.figures;
    return {
      ...known,
      reason: this.#failure ?? "",
      loggedCount: logged.request + logged.response,
      droppedCount: [...dropped.values()].reduce((sum, count) => sum + count, 0),
    };
  }

  /** Delivers what waits, for `timeoutMs` at most; the rest is dropped. */
  async close(timeoutMs: number): Promise<void> {
    if (this.#isClosed) return;
    this.#queue.flush();
    this.#isClosed = true;
    await this.#thread.close(timeoutMs);
    this.#isEnded = true;
    this.#abandon("shutdown");
    const dropped = Object.fromEntries(this.#queue.dropped);
    this.#log.info({ logged: { ...this.#logged }, dropped }, "payload log closed");
  }

  /** RPCs are few: their names are patterns, not what clients sent. */
  #isLogged(rpc: string): boolean {
    let isLogged = this.#known.get(rpc);
    if (isLogged === undefined) {
      isLogged = isInference(rpc);
      this.#known.set(rpc, isLogged);
    }
    return isLogged;
  }

  #send({ records, events }: SentRecords): void {
    const bytes = records.length;
    this.#outstanding.bytes += bytes;
    this.#outstanding.events += events;
    if (this.#thread.send(records)) return;
    this.#done({ bytes, events });
    this.#queue.drop("thread_failed", events);
  }

  #done({ bytes, events }: { readonly bytes: number; readonly events: number }): void {
    this.#outstanding.bytes -= bytes;
    this.#outstanding.events -= events;
    this.#queue.done(bytes, events);
  }

  #take(report: PayloadReport): void {
    if (this.#isEnded) return;
    this.#done({ bytes: report.doneBytes, events: report.doneEvents });
    this.#logged.request += report.logged.request;
    this.#logged.response += report.logged.response;
    for (const [reason, events] of Object.entries(report.dropped)) {
      this.#queue.drop(reason as DropReason, events);
    }
    this.#judge(report.failure);
  }

  /** One line when the sink begins to fail, and one when it is well again. */
  #judge(failure: string | undefined): void {
    const was = this.#failure;
    this.#failure = failure;
    const dropped = Object.fromEntries(this.#queue.dropped);
    if (was === undefined && failure !== undefined) {
      this.#log.warn({ reason: failure, dropped }, "payloads not logged");
    } else if (was !== undefined && failure === undefined) {
      this.#log.info({ dropped }, "payloads logged again");
    }
  }

  #lose(reason: string): void {
    if (this.#isEnded) return;
    this.#abandon("thread_failed");
    this.#judge(`the thread of the payload log broke: ${reason}`);
  }

  /** The thread will not report what it has. */
  #abandon(reason: DropReason): void {
    const { bytes, events } = this.#outstanding;
    this.#done({ bytes, events });
    this.#queue.drop(reason, events);
  }
}
