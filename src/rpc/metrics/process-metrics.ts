import { collectDefaultMetrics, Registry } from "prom-client";
import type { MetricFamily, Series } from "./exposition.ts";

// These list handles and requests by functions of Node that nobody should call: they end the process by an
// assertion if the object of one has just been collected. `nodejs_active_resources` says the same.
const deadly = /^nodejs_active_(handles|requests)(_total)?$/;

/** Collects the metrics that prom-client has for every Node process, from now on. */
export class ProcessMetrics {
  readonly #registry = new Registry();

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    for (const { name } of this.#registry.getMetricsAsArray()) {
      if (deadly.test(name)) this.#registry.removeSingleMetric(name);
    }
  }

  get families(): readonly Pick<MetricFamily, "name" | "type">[] {
    const all = this.#registry.getMetricsAsArray() as unknown as readonly MetricFamily[];
    return all.map(({ name, type }) => ({ name, type }));
  }

  async read(): Promise<{ readonly family: MetricFamily; readonly series: readonly Series[] }[]> {
    // Its types leave out what the values of histograms have: a name of their own.
    const metrics =
      (await this.#registry.getMetricsAsJSON()) as unknown as readonly (MetricFamily & {
        readonly values: readonly (Omit<Series, "name"> & { readonly metricName?: string })[];
      })[];
    return metrics.map((family) => ({
      family,
      series: family.values.map(({ metricName, value, labels }) => ({
        name: metricName ?? family.name,
        value,
        labels,
      })),
    }));
  }
}
