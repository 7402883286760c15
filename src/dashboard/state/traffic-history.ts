import { type Signal, signal } from "@preact/signals";
import type {
  ModelStatus,
  RuntimeState,
  TrafficFigures,
} from "../../../gen/modelport/v1/runtime_watch_pb.ts";

/** Figures of one model, or of all together, over time; index 0 is the oldest. */
export interface TrafficSeries {
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly requestsPerSecond: readonly number[];
  readonly errorsPerSecond: readonly number[];
  /** Milliseconds; null if nothing ran. */
  readonly p50: readonly (number | null)[];
  readonly p95: readonly (number | null)[];
  readonly p99: readonly (number | null)[];
}

/** About one sample a second. */
const maxSamples = 180;

/** Collects a history for charts, since the stream reports only the present. Starts when the page opens. */
export class TrafficHistory {
  /** Increases with every sample. */
  readonly revision: Signal<number> = signal(0);
  #times: number[] = [];
  #total: (TrafficFigures | undefined)[] = [];
  /** For models with traffic; as long as `#times`, or shorter if the model came later. */
  readonly #models = new Map<bigint, (TrafficFigures | undefined)[]>();

  /** Records the current figures. Samples that are not newer than the last one are dropped. */
  sample(runtime: RuntimeState, models: Iterable<ModelStatus>): void {
    const time = Number(runtime.timeMs) / 1000;
    if (time <= (this.#times.at(-1) ?? 0)) return;
    this.#times = [...this.#times, time].slice(-maxSamples);
    this.#total = [...this.#total, runtime.traffic].slice(-maxSamples);
    for (const { generation, traffic } of models) {
      const known = this.#models.get(generation);
      if (known !== undefined) {
        known.push(traffic);
        if (known.length > maxSamples) known.shift();
      } else if (traffic !== undefined && traffic.succeededTotal + traffic.failedTotal > 0n) {
        this.#models.set(generation, [traffic]);
      }
    }
    this.revision.value++;
  }

  forget(generation: bigint): void {
    this.#models.delete(generation);
  }

  clear(): void {
    this.#times = [];
    this.#total = [];
    this.#models.clear();
    this.revision.value++;
  }

  /** Of one generation, or of all models together. */
  series(generation?: bigint): TrafficSeries {
    const times = this.#times;
    const figures = generation === undefined ? this.#total : (this.#models.get(generation) ?? []);
    const missing = times.length - figures.length;
    const column = <T>(read: (traffic: TrafficFigures | undefined) => T): T[] =>
      times.map((_, index) => read(figures[index - missing]));
    return {
      times,
      requestsPerSecond: column((traffic) => traffic?.requestsPerSecond ?? 0),
      errorsPerSecond: column((traffic) => traffic?.errorsPerSecond ?? 0),
      p50: column((traffic) => traffic?.p50Ms ?? null),
      p95: column((traffic) => traffic?.p95Ms ?? null),
      p99: column((traffic) => traffic?.p99Ms ?? null),
    };
  }
}
