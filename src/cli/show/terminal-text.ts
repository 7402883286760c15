import { printable } from "../../base/errors.ts";
import { threeDigits } from "../../clients/figures.ts";

// Times, names and tables for terminals.

/** The time of day in this machine's time zone. */
export function formatTime(timeMs: bigint | number): string {
  return new Date(Number(timeMs)).toTimeString().slice(0, 8);
}

export function formatRate(perSecond: number): string {
  return perSecond === 0 ? "0/s" : `${threeDigits(perSecond)}/s`;
}

/** "1 model", "2 models". */
export function count(number: bigint | number, noun: string): string {
  return `${number} ${noun}${Number(number) === 1 ? "" : "s"}`;
}

/** Rows with columns as wide as their widest cell. `right`: columns with figures, aligned to the right. */
export function formatTable(
  table: readonly (readonly string[])[],
  right: ReadonlySet<number> = new Set(),
): string {
  const rows = table.map((row) => row.map(printable));
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  return rows
    .map((row) => {
      const cells = row.map((cell, at) =>
        right.has(at) ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0),
      );
      return `${cells.join("  ").trimEnd()}\n`;
    })
    .join("");
}
