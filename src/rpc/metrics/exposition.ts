import type { Histogram } from "../../base/histogram.ts";
import type { Labels } from "./samples.ts";

/** A metric family's name, type and help text. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: string;
}

/** One line of the text. */
export interface Series {
  /** The family's name, with "_bucket", "_sum" or "_count" for histograms. */
  readonly name: string;
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
}

/** Writes metrics in Prometheus's text format (version 0.0.4), or in OpenMetrics 1.0.0, where a counter's
 *  family has no "_total" suffix. */
export class Exposition {
  readonly contentType: string;
  readonly #isOpenMetrics: boolean;
  #hasFamily = false;
  /** The label text of objects that several series share. */
  readonly #spelled = new WeakMap<object, string>();

  /** `accept`: the scrape's Accept header. */
  constructor(accept: string) {
    this.#isOpenMetrics = prefersOpenMetrics(accept);
    this.contentType = this.#isOpenMetrics
      ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
      : "text/plain; version=0.0.4; charset=utf-8";
  }

  /** Begins a family. An empty line separates families where the format allows one. */
  head({ name, help, type }: MetricFamily): string {
    const separator = this.#hasFamily && !this.#isOpenMetrics ? "\n" : "";
    this.#hasFamily = true;
    const family = this.#isOpenMetrics && type === "counter" ? name.replace(/_total$/, "") : name;
    return `${separator}# HELP ${family} ${escaped(help)}\n# TYPE ${family} ${type}\n`;
  }

  line({ name, value, labels }: Series): string {
    const text = this.#spell(labels);
    return `${name}${text === "" ? "" : `{${text}}`} ${numberText(value)}\n`;
  }

  /** The series of `histogram`; `scale` of its units are one unit of the metric. */
  histogram(
    name: string,
    { bounds, counts, sum }: Histogram,
    { labels, scale }: { readonly labels: Labels; readonly scale: number },
  ): string {
    const shared = this.#spell(labels);
    const after = shared === "" ? "" : `,${shared}`;
    let below = 0;
    let text = "";
    for (const [at, count] of counts.entries()) {
      const bound = bounds[at];
      below += count;
      const le = bound === undefined ? "+Inf" : bound / scale;
      text += `${name}_bucket{le="${le}"${after}} ${below}\n`;
    }
    text += this.line({ name: `${name}_sum`, value: sum / scale, labels });
    return text + this.line({ name: `${name}_count`, value: below, labels });
  }

  /** The end of the text, after the last family. */
  get end(): string {
    return this.#isOpenMetrics ? "# EOF\n" : "";
  }

  #spell(labels: Series["labels"]): string {
    let text = this.#spelled.get(labels);
    if (text === undefined) {
      text = Object.entries(labels)
        .map(([name, value]) => `${name}="${escaped(String(value)).replaceAll('"', '\\"')}"`)
        .join(",");
      this.#spelled.set(labels, text);
    }
    return text;
  }
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : `${value > 0 ? "+" : "-"}Inf`;
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
