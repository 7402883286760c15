// Figures and tables for terminals.

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Three digits in binary units, the units that memory is measured in. */
export function formatBytes(bytes: bigint | number): string {
  let value = Number(bytes);
  let unit = 0;
  // A value that would round to 1,024 is 1 of the next unit.
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : threeDigits(value)} ${units[unit]}`;
}

export function formatMs(ms: number): string {
  return ms < 999.5 ? `${threeDigits(ms)} ms` : formatSeconds(ms);
}

/** A duration in its two largest units. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 24
    ? `${hours} h ${minutes % 60} min`
    : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

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

/** Makes names and reasons safe for terminals: others chose them, and a terminal obeys control characters. */
export function printable(text: string): string {
  const asEscape = (character: string) =>
    `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  return text.replace(/\p{Cc}/gu, asEscape);
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

function formatSeconds(ms: number): string {
  return ms < 60_000 ? `${threeDigits(ms / 1000)} s` : formatAge(ms);
}

function threeDigits(value: number): string {
  if (Number.isInteger(value) || value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}
