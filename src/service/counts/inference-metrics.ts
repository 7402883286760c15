import { Histogram } from "../../base/histogram.ts";
import { defaultMaxModels } from "../../config/metrics-settings.ts";
import { ModelSeries, type PhaseHistograms } from "./model-series.ts";

interface Held {
  readonly series: ModelSeries;
  /** Number of generations. */
  holders: number;
}

const phaseBoundsMs = [
  0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000,
];
const batchBounds = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** The name for models without counts of their own. If a model has this name, it is counted with them. */
export const otherModels = "_other";

/** Durations of inferences, for all models together and for each. The number of models with counts of their own
 *  is bounded: each adds some thirty lines to every scrape. */
export class InferenceMetrics implements PhaseHistograms {
  readonly queue = new Histogram(phaseBoundsMs);
  readonly host = new Histogram(phaseBoundsMs);
  readonly compute = new Histogram(phaseBoundsMs);
  readonly batchSize = new Histogram(batchBounds);
  /** For all models without counts of their own, including models that are gone. */
  readonly other = new ModelSeries(this);
  readonly #maxModels: number;
  /** By record id. */
  readonly #held = new Map<string, Held>();
  #listedCount = 0;

  /** `maxModels`: the most models with counts of their own. */
  constructor(maxModels = defaultMaxModels) {
    this.#maxModels = maxModels;
  }

  /** Models that share `other` now. */
  get unlistedCount(): number {
    return this.#held.size - this.#listedCount;
  }

  /** For a generation of the model, until it is released. All generations of an id share one series; an id
   *  without generations starts again from zero. */
  acquire(id: string): ModelSeries {
    const held = this.#held.get(id);
    if (held !== undefined) {
      held.holders++;
      return held.series;
    }
    const isListed = this.#listedCount < this.#maxModels && id !== otherModels;
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
