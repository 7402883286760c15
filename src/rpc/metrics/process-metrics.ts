import { collectDefaultMetrics, Registry } from "prom-client";
import type { MetricFamily, Series } from "./exposition.ts";

// These list handles and requests with internal functions of Node, which abort the process by an assertion if
// one of the objects has just been collected. `nodejs_active_resources` has the same figures.
const deadly = /^nodejs_active_(handles|requests)(_total)?$/;

/** Collects prom-client's metrics of every Node process, from now on. */
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
    // The library's types lack a field of histogram values: their own name.
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
