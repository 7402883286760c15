/** One metric as Prometheus' text format has it. */
export interface ParsedMetric {
  readonly type: string;
  readonly help: string;
  /** Value by name and labels, as in `name{a="1",b="2"}`, labels in the order of their names. */
  readonly samples: Map<string, number>;
}

/** Reads Prometheus' text format 0.0.4. Throws at whatever does not belong there: a sample before its type,
 *  a name or a set of labels twice, a value that is not a number. */
function parseMetrics(text: string): Map<string, ParsedMetric> {
  const metrics = new Map<string, ParsedMetric>();
  let help: string | undefined;
  let current: { name: string; metric: ParsedMetric } | undefined;
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (kind === "HELP") help = rest;
    else if (kind === "TYPE") {
      if (metrics.has(name) || help === undefined) throw new Error(`a wrong place for: ${line}`);
      current = { name, metric: { type: rest, help, samples: new Map() } };
      metrics.set(name, current.metric);
      help = undefined;
    } else if (current === undefined) throw new Error(`a sample of nothing: ${line}`);
    else addSample(current, line);
  }
  return metrics;
}

function addSample(
  { name, metric }: { readonly name: string; readonly metric: ParsedMetric },
  line: string,
): void {
  const [, sample = "", labels = "", value = ""] =
    /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  const isOwn = metric.type === "histogram" ? histogramSuffix.test(sample) : sample === name;
  if (!isOwn || !sample.startsWith(name)) throw new Error(`no sample of ${name}: ${line}`);
  const key = sampleKey(sample, readLabels(labels));
  const number =
    value === "+Inf" ? Number.POSITIVE_INFINITY : Number(value.replace(/^nan$/i, "NaN"));
  if (metric.samples.has(key)) throw new Error(`twice: ${key}`);
  if (Number.isNaN(number) && !/^nan$/i.test(value)) throw new Error(`no number: ${line}`);
  metric.samples.set(key, number);
}

const histogramSuffix = /_(bucket|sum|count)$/;

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== "") {
    const found = /^([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/.exec(rest);
    if (found === null) throw new Error(`no labels: ${text}`);
    const [all, name = "", value = ""] = found;
    if (name in labels) throw new Error(`a label twice: ${text}`);
    labels[name] = value.replace(/\\(.)/g, (_, letter) => (letter === "n" ? "\n" : letter));
    rest = rest.slice(all.length);
  }
  return labels;
}

/** As `ParsedMetric` has it. */
function sampleKey(name: string, labels: Readonly<Record<string, string>> = {}): string {
  const all = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  if (all.length === 0) return name;
  return `${name}{${all.map(([label, value]) => `${label}=${JSON.stringify(value)}`).join(",")}}`;
}

/** All samples of a scrape. */
export class Scrape {
  readonly metrics: Map<string, ParsedMetric>;

  constructor(text: string) {
    this.metrics = parseMetrics(text);
  }

  /** 0 for what is not there, as Prometheus' rates have it. `name`: with the suffix of a histogram's part. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const metric = this.metrics.get(name) ?? this.metrics.get(name.replace(histogramSuffix, ""));
    if (metric === undefined) throw new Error(`there is no metric ${name}`);
    return metric.samples.get(sampleKey(name, labels)) ?? 0;
  }

  /** Of each sample that has this label, its value, without repetition. */
  labelValues(label: string): Set<string> {
    const found = new Set<string>();
    for (const { samples } of this.metrics.values()) {
      for (const key of samples.keys()) {
        const value = new RegExp(`[{,]${label}=("(?:[^"\\\\]|\\\\.)*")`).exec(key)?.[1];
        if (value !== undefined) found.add(JSON.parse(value));
      }
    }
    return found;
  }
}
