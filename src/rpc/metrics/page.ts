import { setImmediate as nextTurn } from "node:timers/promises";
import type { RuntimeMetrics } from "../../service/watch/runtime-metrics.ts";
import type { RefusalCount } from "../guard/access.ts";
import type { CallMetrics } from "../observe/call-metrics.ts";
import type { PayloadLogFigures } from "../payload-log/payload-log.ts";
import { Exposition } from "./exposition.ts";
import { ProcessMetrics } from "./process-metrics.ts";
import { type Labels, type MetricSources, type Sample, samplesOf } from "./samples.ts";
import { type MetricName, type MetricRow, metricTable } from "./table.ts";

export interface MetricsText {
  readonly contentType: string;
  readonly body: string;
}

/** Writing a metric takes long with thousands of models: other work gets a turn after this many samples. */
const samplesInTurn = 100;
const noLabels: Labels = {};
/** Payloads are not logged. */
const noPayloads: PayloadLogFigures = {
  isFailing: false,
  queueBytes: 0,
  queueEvents: 0,
  logged: { request: 0, response: 0 },
  dropped: new Map(),
};

/** All metrics in Prometheus's format. They cost nothing until the first scrape: counts are kept elsewhere, and
 *  process metrics begin with the first scrape. */
export class MetricsPage {
  readonly #calls: CallMetrics;
  readonly #runtime: RuntimeMetrics;
  #refusals: () => readonly RefusalCount[] = () => [];
  #payloads: () => PayloadLogFigures = () => noPayloads;
  /** Since the first scrape. */
  #process: ProcessMetrics | undefined;

  constructor(calls: CallMetrics, runtime: RuntimeMetrics) {
    this.#calls = calls;
    this.#runtime = runtime;
  }

  /** Provides the counts of refused clients, which the server knows. */
  countRefusals(count: () => readonly RefusalCount[]): void {
    this.#refusals = count;
  }

  /** Provides the figures of the payload log, where there is one. */
  countPayloads(count: () => PayloadLogFigures): void {
    this.#payloads = count;
  }

  /** `accept`: the scrape's Accept header. Calls are served while the text is made. */
  async render(accept = ""): Promise<MetricsText> {
    const exposition = new Exposition(accept);
    this.#process ??= new ProcessMetrics();
    const texts: string[] = [];
    for await (const text of this.#own(exposition)) texts.push(text);
    for (const { family, series } of await this.#process.read()) {
      const lines = series.map((each) => exposition.line(each));
      texts.push(exposition.head(family) + lines.join(""));
    }
    return { contentType: exposition.contentType, body: texts.join("") + exposition.end };
  }

  async *#own(exposition: Exposition): AsyncIterableIterator<string> {
    const runtime = this.#runtime;
    const sources: MetricSources = {
      calls: this.#calls,
      runtime,
      refusals: this.#refusals(),
      payloads: this.#payloads(),
      figures: runtime.figures(),
      models: runtime.models(),
    };
    for (const [name, row] of Object.entries<MetricRow>(metricTable)) {
      yield exposition.head({ name, ...row });
      let count = 0;
      for (const sample of samplesOf[name as MetricName](sources)) {
        if (++count % samplesInTurn === 0) await nextTurn();
        yield textOf(name, sample, exposition);
      }
      await nextTurn();
    }
  }
}

function textOf(name: string, sample: Sample, exposition: Exposition): string {
  const { labels = noLabels } = sample;
  if ("value" in sample) return exposition.line({ name, value: sample.value, labels });
  const scale = name.endsWith("_seconds") ? 1_000 : 1;
  return exposition.histogram(name, sample.histogram, { labels, scale });
}
