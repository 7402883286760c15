import type { LatencyQuantiles, TrafficFigures } from "../contract/runtime-feed.ts";

// The window is the current slot, as far as it has come, and the full ones before it.
const slotMs = 2_000;
const slotCount = 5;

// Buckets grow by an eighth of an octave, so that their middle is within 4.5 % of every value in them. Values
// outside the range (2^-5 to 2^17 ms) are counted in the first or the last bucket.
const perOctave = 8;
const firstOctave = -5;
const bucketCount = (17 - firstOctave) * perOctave;

// Each meter copies this, and every model has one.
const never: readonly number[] = Array.from({ length: slotCount }, () => -1);
const none: readonly number[] = Array.from({ length: slotCount }, () => 0);

/** Counts inferences and their latency in a sliding window of ten seconds. Counting costs one increment and
 *  allocates nothing, except the 3.5 KB for the window on first use. */
export class TrafficMeter {
  readonly #now: () => number;
  readonly #startMs: number;
  /** The time slot that each slot of the window holds at present. */
  readonly #slots: number[] = never.slice();
  readonly #failed: number[] = none.slice();
  #buckets: Uint32Array | undefined;
  #lastSlot = Number.NEGATIVE_INFINITY;
  #succeededTotal = 0;
  #failedTotal = 0;

  /** `now`: a monotonic clock in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#startMs = now();
  }

  /** Whether nothing ended within the window. */
  get isQuiet(): boolean {
    return this.#lastSlot <= this.#currentSlot() - slotCount;
  }

  succeed(latencyMs: number): void {
    const at = this.#turnTo();
    this.#buckets ??= new Uint32Array(slotCount * bucketCount);
    const index = at * bucketCount + bucketOf(latencyMs);
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1;
    this.#succeededTotal++;
  }

  fail(): void {
    const at = this.#turnTo();
    this.#failed[at] = (this.#failed[at] ?? 0) + 1;
    this.#failedTotal++;
  }

  figures(): TrafficFigures {
    const current = this.#currentSlot();
    const nowMs = this.#now();
    const oldestMs = (current - slotCount + 1) * slotMs;
    // Otherwise a meter younger than a second would turn its first request into a rate of thousands.
    const windowMs = Math.max(nowMs - Math.max(oldestMs, this.#startMs), 1_000);
    const counts = new Uint32Array(bucketCount);
    let succeeded = 0;
    let failed = 0;
    for (const [at, slot] of this.#slots.entries()) {
      if (slot <= current - slotCount) continue;
      failed += this.#failed[at] ?? 0;
      const held = this.#buckets?.subarray(at * bucketCount, (at + 1) * bucketCount) ?? [];
      for (const [bucket, count] of held.entries()) {
        counts[bucket] = (counts[bucket] ?? 0) + count;
        succeeded += count;
      }
    }
    return {
      requestsPerSecond: ((succeeded + failed) * 1_000) / windowMs,
      errorsPerSecond: (failed * 1_000) / windowMs,
      latency: succeeded === 0 ? undefined : quantiles(counts, succeeded),
      succeededTotal: this.#succeededTotal,
      failedTotal: this.#failedTotal,
    };
  }

  #currentSlot(): number {
    return Math.floor(this.#now() / slotMs);
  }

  /** Prepares the current slot for counting, and returns its index. */
  #turnTo(): number {
    const slot = this.#currentSlot();
    const at = slot % slotCount;
    if (this.#slots[at] !== slot) {
      this.#slots[at] = slot;
      this.#failed[at] = 0;
      this.#buckets?.fill(0, at * bucketCount, (at + 1) * bucketCount);
      this.#lastSlot = slot;
    }
    return at;
  }
}

function bucketOf(latencyMs: number): number {
  const bucket = Math.floor((Math.log2(latencyMs) - firstOctave) * perOctave);
  // Math.log2(0) is -Infinity.
  return Math.min(Math.max(bucket, 0), bucketCount - 1);
}

function quantiles(counts: Uint32Array, total: number): LatencyQuantiles {
  const at = (share: number) => {
    let rest = Math.ceil(total * share);
    for (const [bucket, count] of counts.entries()) {
      rest -= count;
      if (rest <= 0) return 2 ** (firstOctave + (bucket + 0.5) / perOctave);
    }
    throw new Error("the counts add up to the total");
  };
  return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
}
