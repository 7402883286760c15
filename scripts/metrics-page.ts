import { ProcessMetrics } from "../src/rpc/metrics/process-metrics.ts";
import { type MetricRow, metricTable } from "../src/rpc/metrics/table.ts";
import { fillParts, markdownTable } from "./generated-parts.ts";

/** docs/metrics.md with its tables made anew. */
export function generateMetricsPage(page: string): string {
  return fillParts(page, { metrics: ownTable, "metrics of the process": processTable });
}

function ownTable(): string {
  return markdownTable(
    ["Metric", "Type", "Labels", "Meaning"],
    Object.entries<MetricRow>(metricTable).map(([name, { type, labels, help }]) => [
      `\`${name}\``,
      type,
      labels.map((label) => `\`${label}\``).join(", "),
      help,
    ]),
  );
}

function processTable(): string {
  const rows = new ProcessMetrics().families.map(({ name, type }) => [`\`${name}\``, type]);
  return markdownTable(["Metric", "Type"], rows);
}
