import { type KindMemory, rowCounts } from "./measure-kind.ts";

const MiB = 1024 * 1024;

/** What is reported is at most so much more than what is held, and so much less. */
const promise = { most: 1.1, least: 0.98 } as const;
/** Of the heap of JavaScript in a host, which moves for reasons of its own, shared by all copies. */
const noiseBytes = MiB;

/** Kinds that are known not to be within it -> why. */
const exceptions: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      "convolutions, FP16",
      "convolutions, 1 x 1",
      "resizing, linear",
      "transformer, 512 tokens",
      "attention by Einsum",
      "encoder and decoder",
    ].map((name) => [
      name,
      "runs of 260 to 820 MiB leave up to 0.9 MiB for a model between blocks in use",
    ]),
  ),
  "counts of words":
    "its first run, which the load of so small a model does without, leaves 0.4 MiB in the session",
  "If with weights in both branches":
    "ONNX Runtime frees its copies of the weights in branches only in the first run",
};

export type Verdict = "yes" | "named" | "no";

/** Whether a kind holds what was reported, after all runs. */
export function verdictOf(row: KindMemory): Verdict {
  const noise = noiseBytes / row.copies;
  const isKept = row.held.every(({ bytes }) => {
    const [most, least] = [promise.most * bytes + noise, promise.least * bytes - noise];
    return row.reportedBytes <= most && row.reportedBytes >= least;
  });
  if (isKept) return "yes";
  return exceptions[row.name] === undefined ? "no" : "named";
}

/** In Markdown, all figures in MiB. */
export function renderTable(rows: readonly KindMemory[]): string {
  const held = rowCounts.map((rows) => `Held, ${rows}`);
  const head = ["Model", "Loaded", "Host", "Predicted", "Reported", ...held];
  head.push("Peak", "Reported / held", "Kept");
  const cells = rows.map((row) => [
    row.name,
    String(row.copies),
    row.host,
    mib(row.predictedBytes),
    mib(row.reportedBytes),
    ...row.held.map(({ bytes, isAnswered }) => `${mib(bytes)}${isAnswered ? "" : " *"}`),
    mib(row.peakBytes),
    ratios(row),
    verdictOf(row),
  ]);
  const widths = head.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(" | ")} |`;
  const rule = widths.map((width, at) =>
    at === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  return [line(head), line(rule), ...cells.map(line)].join("\n");
}

/** The kinds that are "named", and why, in Markdown; "" if there are none. */
export function renderExceptions(rows: readonly KindMemory[]): string {
  const named = rows.filter((row) => verdictOf(row) === "named");
  return named.map(({ name }) => `- ${name}: ${exceptions[name]}.\n`).join("");
}

/** The furthest from 1 of all. */
function ratios({ reportedBytes, held }: KindMemory): string {
  const all = held.map(({ bytes }) => reportedBytes / bytes);
  const worst = all.reduce((far, each) => (Math.abs(each - 1) > Math.abs(far - 1) ? each : far), 1);
  return worst.toFixed(2);
}

function mib(bytes: number): string {
  return (bytes / MiB).toFixed(2);
}
