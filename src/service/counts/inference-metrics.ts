import { Histogram } from "../../base/histogram.ts";
import { defaultMaxModels } from "../../config/metrics-settings.ts";
import { ModelSeries, type PhaseHistograms } from "./model-series.ts";

interface Held {
  readonly series: ModelSeries;
  /** Generations. */
  holders: number;
}

const phaseBoundsMs = [
  0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000,
];
const batchBounds = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** The name of those that have no counts of their own; should a model have it, it is one of them. */
export const otherModels = "_other";

/** What inferences took, by all models together and by each. Models with counts of their own are bounded in
 *  number: each is some thirty lines of every scrape. */
export class InferenceMetrics implements PhaseHistograms {
  readonly queue = new Histogram(phaseBoundsMs);
  readonly host = new Histogram(phaseBoundsMs);
  readonly compute = new Histogram(phaseBoundsMs);
  readonly batchSize = new Histogram(batchBounds);
  /** Of all models that have no counts of their own, those that are gone included. */
  readonly other = new ModelSeries(this);
  /** Models with counts of their own, at most. A lower value holds for models that come. */
  maxModels = defaultMaxModels;
  /** By record id. */
  readonly #held = new Map<string, Held>();
  #listedCount = 0;

  /** Models that share `other` now. */
  get unlistedCount(): number {
    return this.#held.size - this.#listedCount;
  }

  /** For a generation of the model, until it is released. All generations of an id have the same; those of
   *  an id that has none left begin anew. */
  acquire(id: string): ModelSeries {
    const held = this.#held.get(id);
    if (held !== undefined) {
      held.holders++;
      return held.series;
    }
    const isListed = this.#listedCount < this.maxModels && id !== otherModels;
    const series = isListed ? new ModelSeries(this) : this.other;
    if (isListed) this.#listedCount++;
    this.#held.set(id, { series, holders: 1 });
    return series;
  }

  release(id: string): void {
    const held = this.#held.get(id);
    if (held === undefined || --held.holders > 0) return;
    this.#held.delete(id);
    if (held.series !== this.other) this.#listedCount--;
  }

  /** Models with counts of their own, by record id. */
  *listed(): IterableIterator<[id: string, series: ModelSeries]> {
    for (const [id, { series }] of this.#held) if (series !== this.other) yield [id, series];
  }
}
