import { setImmediate as nextTurn } from "node:timers/promises";
import {
  collectDefaultMetrics,
  type Metric,
  Registry,
  type RegistryContentType,
} from "prom-client";
import type { Histogram } from "../../base/histogram.ts";
import type { RuntimeMetrics } from "../../service/watch/runtime-metrics.ts";
import type { RefusalCount } from "../guard/access.ts";
import type { CallMetrics } from "../observe/call-metrics.ts";
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

interface Collectable {
  readonly name: string;
  readonly type: string;
  readonly sampleCount: number;
  /** Some of its samples; without arguments, and where they are few, all. */
  readonly get: (from?: number, to?: number) => Promise<Collected>;
}

const samplesInTurn = 100;

/** All that is counted, as Prometheus reads it. It costs nothing where nobody scrapes: counts are kept
 *  elsewhere, and those of the process begin with the first scrape. */
export class MetricsPage {
  readonly #calls: CallMetrics;
  readonly #runtime: RuntimeMetrics;
  #refusals: () => readonly RefusalCount[] = () => [];
  /** Since the first scrape. */
  #process: readonly Collectable[] | undefined;

  constructor(calls: CallMetrics, runtime: RuntimeMetrics) {
    this.#calls = calls;
    this.#runtime = runtime;
  }

  /** Says how often callers were refused, which the server knows. */
  countRefusals(count: () => readonly RefusalCount[]): void {
    this.#refusals = count;
  }

  /** `accept`: the header of the scrape. Calls go on while it is made. */
  async render(accept = ""): Promise<MetricsText> {
    const registry = new Registry<RegistryContentType>();
    const isOpenMetrics = prefersOpenMetrics(accept);
    if (isOpenMetrics) registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    this.#process ??= processMetrics();
    const texts: string[] = [];
    for (const metric of [...this.#own(), ...this.#process]) {
      texts.push(await textOf(metric, registry));
      await nextTurn();
    }
    const body = isOpenMetrics ? `${texts.join("\n")}\n# EOF\n` : `${texts.join("\n\n")}\n`;
    return { contentType: registry.contentType, body };
  }

  *#own(): IterableIterator<Collectable> {
    const runtime = this.#runtime;
    const sources: MetricSources = {
      calls: this.#calls,
      runtime,
      refusals: this.#refusals(),
      figures: runtime.figures(),
      models: runtime.models(),
    };
    for (const [name, { type, help }] of Object.entries<MetricRow>(metricTable)) {
      const samples = samplesOf[name as MetricName](sources);
      const scale = name.endsWith("_seconds") ? 1_000 : 1;
      yield {
        name,
        type,
        sampleCount: samples.length,
        async get(from = 0, to = samples.length) {
          const values = samples.slice(from, to).flatMap((each) => valuesOf(name, each, scale));
          return { name, help, type, values };
        },
      };
    }
  }
}

/** Of thousands of models it takes long to write a metric: it is done piece by piece, with what else is to be
 *  done in between. */
async function textOf(
  { name, type, sampleCount, get }: Collectable,
  registry: Registry<RegistryContentType>,
): Promise<string> {
  const isOpenMetrics = registry.contentType === Registry.OPENMETRICS_CONTENT_TYPE;
  // It adds the suffix to each sample again.
  const family = isOpenMetrics && type === "counter" ? name.replace(/_total$/, "") : name;
  let text = "";
  for (let from = 0; from === 0 || from < sampleCount; from += samplesInTurn) {
    if (from > 0) await nextTurn();
    const piece = {
      name: family,
      get: async () => ({ ...(await get(from, from + samplesInTurn)), name: family }),
    };
    registry.registerMetric(piece as unknown as Metric);
    const written = await registry.getSingleMetricAsString(family);
    registry.removeSingleMetric(family);
    text += from === 0 ? written : written.replace(/^# HELP .*\n# TYPE .*/, "");
  }
  return text;
}

// These list handles and requests by functions of Node that nobody should call: they end the process by an
// assertion if the object of one has just been collected. `nodejs_active_resources` says the same.
const deadly = /^nodejs_active_(handles|requests)(_total)?$/;

/** Those that prom-client takes of every Node process. */
export function processMetrics(): readonly Collectable[] {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const all = registry.getMetricsAsArray() as unknown as readonly Pick<
    Collectable,
    "get" | "name" | "type"
  >[];
  const harmless = all.filter(({ name }) => !deadly.test(name));
  return harmless.map((metric) => ({
    name: metric.name,
    type: metric.type,
    sampleCount: 1,
    get: () => metric.get(),
  }));
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
