import { setImmediate as nextTurn } from "node:timers/promises";
import {
  collectDefaultMetrics,
  type Metric,
  Registry,
  type RegistryContentType,
} from "prom-client";
import type { Histogram } from "../histogram.ts";
import type { RuntimeMetrics } from "../service/runtime-metrics.ts";
import type { CallMetrics } from "./call-metrics.ts";
import { type Labels, type MetricSources, type Sample, samplesOf } from "./metric-samples.ts";
import { type MetricName, type MetricRow, metricTable } from "./metric-table.ts";

export interface MetricsText {
  readonly contentType: string;
  readonly body: string;
}

/** What prom-client asks a metric for. */
interface Collected {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly object[];
}

/** What it knows of it; it takes "_total" off the names of counters where OpenMetrics has them without. */
interface Collectable {
  name: string;
  readonly type: string;
  get(): Promise<Collected>;
}

/** All that is counted, as Prometheus reads it. Whatever is asked while nobody scrapes costs nothing: counts
 *  are kept elsewhere, and those of the process begin with the first scrape. */
export class MetricsPage {
  readonly #calls: CallMetrics;
  readonly #runtime: RuntimeMetrics;
  /** Since the first scrape. */
  #process: readonly Collectable[] | undefined;

  constructor(calls: CallMetrics, runtime: RuntimeMetrics) {
    this.#calls = calls;
    this.#runtime = runtime;
  }

  /** `accept`: the header of the scrape. */
  async render(accept = ""): Promise<MetricsText> {
    const registry = new Registry<RegistryContentType>();
    if (prefersOpenMetrics(accept)) registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    this.#process ??= processMetrics();
    let turn = Promise.resolve();
    const inOwnTurn = () => {
      turn = turn.then(() => nextTurn());
      return turn;
    };
    for (const metric of [...this.#own(), ...this.#process]) {
      const inTurn: Collectable = {
        name: metric.name,
        type: metric.type,
        // Thousands of models make a long text: calls go on between one metric and the next.
        async get() {
          await inOwnTurn();
          return { ...(await metric.get()), name: this.name };
        },
      };
      registry.registerMetric(inTurn as unknown as Metric);
    }
    const body = await registry.metrics();
    return { contentType: registry.contentType, body };
  }

  #own(): Collectable[] {
    const runtime = this.#runtime;
    const sources: MetricSources = {
      calls: this.#calls,
      runtime,
      figures: runtime.figures(),
      models: runtime.models(),
    };
    return Object.entries<MetricRow>(metricTable).map(([name, { type, help }]) => ({
      name,
      type,
      async get() {
        const samples = samplesOf[name as MetricName](sources);
        const scale = /_seconds$/.test(name) ? 1_000 : 1;
        const values = samples.flatMap((sample) => valuesOf(name, sample, scale));
        return { name, help, type, values };
      },
    }));
  }
}

/** Those that prom-client takes of every Node process. */
export function processMetrics(): readonly Collectable[] {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry.getMetricsAsArray() as unknown as readonly Collectable[];
}

function valuesOf(name: string, sample: Sample, scale: number): readonly object[] {
  const { labels = {} } = sample;
  if ("value" in sample) return [{ value: sample.value, labels }];
  return histogramValues(name, sample.histogram, { labels, scale });
}

function histogramValues(
  name: string,
  { bounds, counts, sum }: Histogram,
  { labels, scale }: { readonly labels: Labels; readonly scale: number },
): object[] {
  let below = 0;
  const values: object[] = [];
  for (const [at, count] of counts.entries()) {
    const bound = bounds[at];
    below += count;
    values.push({
      metricName: `${name}_bucket`,
      value: below,
      labels: { le: bound === undefined ? "+Inf" : bound / scale },
      sharedLabels: labels,
    });
  }
  values.push({ metricName: `${name}_sum`, value: sum / scale, labels });
  values.push({ metricName: `${name}_count`, value: below, labels });
  return values;
}

function prefersOpenMetrics(accept: string): boolean {
  const wish = (type: string): number => {
    const found = accept.split(",").find((each) => each.trim().toLowerCase().startsWith(type));
    if (found === undefined) return 0;
    const weight = /;\s*q=([\d.]+)/i.exec(found)?.[1];
    return weight === undefined ? 1 : Number(weight);
  };
  const openMetrics = wish("application/openmetrics-text");
  return openMetrics > 0 && openMetrics >= wish("text/plain");
}
