import { type CallRecord, type Pieces, recordHeadBytes, writeRecord } from "./call-record.ts";
import type { DropReason } from "./thread-messages.ts";

/** How long records wait for others. */
const flushMs = 20;
const slabBytes = 256 * 1024;
const noPieces: Pieces = { pieces: [], sizeBytes: 0 };

export interface EventQueueParts {
  readonly maxBytes: number;
  readonly maxEvents: number;
  /** Receives filled buffers, which are its own from then on. */
  readonly send: (sent: SentRecords) => void;
}

/** Records, one after the other. */
export interface SentRecords {
  readonly records: Uint8Array<ArrayBuffer>;
  /** In all of them. */
  readonly events: number;
}

/** The records that wait, here and in the thread, within limits of bytes and events. Adding one costs a copy. */
export class EventQueue {
  readonly dropped = new Map<DropReason, number>();
  readonly #parts: EventQueueParts;
  #slab: Buffer<ArrayBuffer> | undefined;
  #used = 0;
  /** In `#slab`. */
  #slabEvents = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Of calls in progress, of `#slab`, and of what the thread has. */
  #bytes = 0;
  #events = 0;

  constructor(parts: EventQueueParts) {
    this.#parts = parts;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get events(): number {
    return this.#events;
  }

  /** Whether a small call would find room: asked before anything is copied. */
  get hasRoom(): boolean {
    const { maxBytes, maxEvents } = this.#parts;
    return this.#events < maxEvents && this.#bytes < maxBytes;
  }

  /** Takes room for a copy of a call in progress. False: there is none. */
  hold(bytes: number): boolean {
    if (this.#bytes + bytes > this.#parts.maxBytes) return false;
    this.#bytes += bytes;
    return true;
  }

  letGo(bytes: number): void {
    this.#bytes -= bytes;
  }

  drop(reason: DropReason, events: number): void {
    if (events > 0) this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + events);
  }

  /** Copies a record. Without room for it, its events are dropped and counted. */
  add(call: CallRecord, request: Pieces = noPieces, answer: Pieces = noPieces): void {
    const events = eventsOf(call);
    const facts = Buffer.from(JSON.stringify(call));
    const sizeBytes = recordHeadBytes + facts.length + request.sizeBytes + answer.sizeBytes;
    if (this.#events + events > this.#parts.maxEvents || !this.hold(sizeBytes)) {
      this.drop("queue_full", events);
      return;
    }
    this.#events += events;
    if (this.#used + sizeBytes > slabBytes) this.flush();
    if (sizeBytes > slabBytes) {
      const own = Buffer.allocUnsafeSlow(sizeBytes);
      writeRecord(own, 0, { facts, request, answer });
      this.#parts.send({ records: own, events });
      return;
    }
    this.#slab ??= Buffer.allocUnsafeSlow(slabBytes);
    this.#used = writeRecord(this.#slab, this.#used, { facts, request, answer });
    this.#slabEvents += events;
    this.#timer ??= setTimeout(() => this.flush(), flushMs).unref();
  }

  /** The thread is done with so much. */
  done(bytes: number, events: number): void {
    this.#bytes -= bytes;
    this.#events -= events;
  }

  /** Hands over what waits here. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const slab = this.#slab;
    if (slab === undefined || this.#used === 0) return;
    const [used, events] = [this.#used, this.#slabEvents];
    this.#used = 0;
    this.#slabEvents = 0;
    // A slab with little in it would hold more memory than was counted.
    const isFull = used >= slabBytes / 2;
    const records = isFull ? slab.subarray(0, used) : new Uint8Array(slab.subarray(0, used));
    if (isFull) this.#slab = undefined;
    this.#parts.send({ records, events });
  }
}

export function eventsOf({ request, answer }: CallRecord): number {
  return Number(request !== undefined) + Number(answer !== undefined);
}
