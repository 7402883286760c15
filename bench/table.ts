import { comparisons } from "./comparisons.ts";
import { type Judged, judge } from "./judge.ts";
import type { Measurement } from "./measurements.ts";
import { type AreaName, areaNames } from "./options.ts";
import type { Results } from "./results.ts";

const areaTitles: Record<AreaName, string> = {
  rpc: "Unary RPC, one connection",
  inference: "Inference through the whole program",
  lifecycle: "Loading and unloading",
  scaling: "How costs grow",
  peers: "Other model servers",
  trees: "Models of XGBoost and LightGBM",
  text: "Text models: all-MiniLM-L6-v2",
  "payload-log":
    "The payload log: calls a second with a sink that is dead or takes everything, by those without it",
};

const header = ["", "Modelport", "Limit or peer", "Its value", "Ratio", "Target", ""];

/** Results in Markdown: their origin, a table for each area, and what was not measured. */
export function renderResults(results: Results): string {
  const { options, skipped, othersCpuShare = 0 } = results;
  const judged = judge(comparisons, results.measurements);
  return [
    renderOrigin(results, judged),
    ...(othersCpuShare > busyShare
      ? [`**The machine was busy: other programs took ${percent(othersCpuShare)} of its cores.**`]
      : []),
    ...(options.quick
      ? ["**A quick run: it shows that the bench works, not how fast it is.**"]
      : []),
    ...(options.serveFlags.length === 0 ? [] : [`Flags: \`${options.serveFlags.join(" ")}\`.`]),
    ...areaNames.flatMap((area) => {
      const rows = judged.filter(({ comparison }) => comparison.area === area);
      return rows.length === 0 ? [] : [`### ${areaTitles[area]}`, renderTable(rows)];
    }),
    ...skipped.map(({ what, reason }) => `Not measured: ${what} (${reason}).`),
  ].join("\n\n");
}

/** Above this share taken by other programs, figures are doubtful. */
const busyShare = 0.05;

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function renderOrigin({ machine, seconds }: Results, judged: readonly Judged[]): string {
  const count = (wanted: Judged["verdict"]) =>
    judged.filter(({ verdict }) => verdict === wanted).length;
  const kept = count("pass");
  return [
    `${machine.date.slice(0, 10)}, commit ${machine.commit}, ${machine.cpu}, ${machine.cores} cores,`,
    `${machine.memoryGib} GiB, ${machine.os}, Node ${machine.node}, ONNX Runtime ${machine.onnxruntime}.`,
    `Load by ${machine.loadClient}; ${machine.placement}.`,
    `The run took ${(seconds / 60).toFixed(1)} minutes.`,
    `Targets kept: ${kept} of ${kept + count("miss")}.`,
  ].join(" ");
}

function renderTable(rows: readonly Judged[]): string {
  const cells = rows.map((row) => [
    row.comparison.title,
    formatValue(row.measured),
    row.against === undefined ? "" : row.against.id.slice(row.against.id.lastIndexOf("/") + 1),
    row.against === undefined ? "" : formatValue(row.against),
    row.ratio === undefined ? "" : formatNumber(row.ratio),
    row.bound === undefined ? "" : `${row.bound.sense} ${formatNumber(row.bound.value)}`,
    row.verdict ?? "",
  ]);
  const widths = header.map((title, column) =>
    Math.max(3, title.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(" | ")} |`;
  const rule = widths.map((width, column) =>
    column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  return [line(header), line(rule), ...cells.map(line)].join("\n");
}

function formatValue({ median, unit, rounds }: Measurement): string {
  const spread = rounds.length === 1 ? "" : ` (${formatSpread(rounds)})`;
  return `${formatNumber(median)}${unit === "/s" ? "/s" : ` ${unit}`}${spread}`;
}

/** The lowest and the highest round. */
function formatSpread(rounds: readonly number[]): string {
  return `${formatNumber(Math.min(...rounds))}–${formatNumber(Math.max(...rounds))}`;
}

/** Three significant digits. */
export function formatNumber(value: number): string {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(value), 0.01))));
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
