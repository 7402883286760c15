import { describeError } from "../../../base/errors.ts";
import type { PayloadLogSettings } from "../../../config/payload-log/payload-log-settings.ts";
import { eventsOf as countOf } from "../event-queue.ts";
import type { CloudEvent } from "../events/cloud-event.ts";
import { eventsOf, type MadeEvent } from "../events/events-of.ts";
import type { DropReason, PayloadReport } from "../thread-messages.ts";
import { batchBytes, type Outcome, type Sink } from "./delivery.ts";
import { RecordQueue } from "./record-queue.ts";
import { RetryGate } from "./retry-gate.ts";

/** Reports to the server are collected for so long. */
const reportMs = 20;

/** Events on their way to the sink, with what they held in the queue. */
interface Batch {
  readonly events: MadeEvent[];
  bytes: number;
  /** As the queue counted them. */
  count: number;
}

/** Takes records from the queue, makes events of them, and delivers these, again if that fails. */
export class Deliveries {
  readonly #settings: PayloadLogSettings;
  readonly #sink: Sink;
  readonly #report: (report: PayloadReport) => void;
  readonly #queue = new RecordQueue();
  readonly #gate = new RetryGate();
  readonly #running: Promise<void>[];
  #timer: NodeJS.Timeout | undefined;
  #done = { bytes: 0, events: 0 };
  #logged = { request: 0, response: 0 };
  #dropped: Partial<Record<DropReason, number>> = {};
  #failure: string | undefined;
  #turn: Promise<void> = Promise.resolve();
  #isClosing = false;
  #isLate = false;

  constructor(settings: PayloadLogSettings, sink: Sink, report: (report: PayloadReport) => void) {
    this.#settings = settings;
    this.#sink = sink;
    this.#report = report;
    this.#running = Array.from({ length: sink.senders }, () => this.#send());
  }

  add(records: Uint8Array): void {
    this.#queue.add(records);
  }

  /** Resolves when all is delivered, or dropped after `timeoutMs`, and reported. */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosing = true;
    this.#queue.wake();
    const timer = setTimeout(() => {
      this.#isLate = true;
      this.#gate.open();
    }, timeoutMs);
    const late = new Promise<void>((resolve) => setTimeout(resolve, timeoutMs));
    await Promise.race([Promise.all(this.#running), late]);
    clearTimeout(timer);
    await Promise.race([this.#sink.close(), late]);
    clearTimeout(this.#timer);
    this.#tell(true);
  }

  async #send(): Promise<void> {
    for (;;) {
      const batch = await this.#nextBatch();
      if (batch === undefined) return;
      await this.#deliver(batch);
      this.#done.bytes += batch.bytes;
      this.#done.events += batch.count;
      this.#tellSoon();
    }
  }

  /** Undefined: there will be no more. One sender collects, and the others wait for their turn: otherwise each would get
   *  a part of a batch, and several events would be made at once. */
  async #nextBatch(): Promise<Batch | undefined> {
    const turn = this.#turn;
    let pass = () => {};
    this.#turn = new Promise((resolve) => {
      pass = resolve;
    });
    await turn;
    try {
      return await this.#collect();
    } finally {
      pass();
    }
  }

  async #collect(): Promise<Batch | undefined> {
    const { batch: limits } = this.#sink;
    const batch: Batch = { events: [], bytes: 0, count: 0 };
    let untilMs: number | undefined;
    for (;;) {
      const record = this.#queue.take();
      if (record !== undefined) {
        batch.bytes += record.sizeBytes;
        batch.count += countOf(record.call);
        batch.events.push(...(await this.#made(record)));
        const isFull = batch.events.length >= limits.events || batch.bytes >= batchBytes;
        if (isFull) return batch;
        continue;
      }
      const isDue = untilMs !== undefined && performance.now() >= untilMs;
      if (batch.count > 0 && (this.#isClosing || isDue || limits.delayMs === 0)) return batch;
      if (this.#isClosing) return undefined;
      if (batch.count === 0) await this.#queue.arrival();
      else {
        untilMs ??= performance.now() + limits.delayMs;
        await this.#arrivalWithin(untilMs - performance.now());
      }
    }
  }

  async #arrivalWithin(waitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.max(1, Math.ceil(waitMs)));
    });
    await Promise.race([this.#queue.arrival(), over]);
    clearTimeout(timer);
  }

  async #made(record: Parameters<typeof eventsOf>[0]): Promise<MadeEvent[]> {
    try {
      return await eventsOf(record, this.#settings);
    } catch {
      this.#drop("unreadable", countOf(record.call));
      return [];
    }
  }

  /** In requests of as many events as the sink takes. */
  async #deliver({ events }: Batch): Promise<void> {
    const { events: most } = this.#sink.batch;
    for (let at = 0; at < events.length; at += most) {
      await this.#deliverAll(events.slice(at, at + most));
    }
  }

  async #deliverAll(events: readonly MadeEvent[]): Promise<void> {
    const { retries } = this.#settings.sink;
    for (let tries = 0; ; tries++) {
      await this.#gate.pass();
      if (this.#isLate) {
        this.#drop("shutdown", events.length);
        return;
      }
      const outcome = await this.#attempt(events.map(({ event }) => event));
      if (outcome.tag === "delivered") {
        this.#gate.succeeded();
        this.#failure = undefined;
        for (const { kind } of events) this.#logged[kind]++;
        return;
      }
      this.#failure = outcome.reason;
      if (outcome.tag === "refused") {
        // The sink is there.
        this.#gate.succeeded();
        this.#drop("sink_refused", events.length);
        return;
      }
      this.#gate.failed(outcome.afterMs);
      this.#tellSoon();
      if (tries >= retries) {
        this.#drop(outcome.drop, events.length);
        return;
      }
    }
  }

  async #attempt(events: readonly CloudEvent[]): Promise<Outcome> {
    try {
      return await this.#sink.deliver(events);
    } catch (error) {
      return { tag: "failed", drop: "sink_failed", reason: describeError(error) };
    }
  }

  #drop(reason: DropReason, events: number): void {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + events;
  }

  #tellSoon(): void {
    this.#timer ??= setTimeout(() => this.#tell(false), reportMs);
  }

  #tell(isLast: boolean): void {
    this.#timer = undefined;
    const [done, logged, dropped] = [this.#done, this.#logged, this.#dropped];
    this.#done = { bytes: 0, events: 0 };
    this.#logged = { request: 0, response: 0 };
    this.#dropped = {};
    this.#report({
      doneBytes: done.bytes,
      doneEvents: done.events,
      logged,
      dropped,
      failure: this.#failure,
      ...(isLast && { isLast }),
    });
  }
}
