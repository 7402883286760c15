// Figures for people, the same on the command line and on the page: three digits, and the unit that keeps them short.

const byteUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Three digits in binary units, the units that memory is measured in. */
export function formatBytes(bytes: bigint | number): string {
  let value = Number(bytes);
  let unit = 0;
  // A value that would round to 1,024 is 1 of the next unit.
  while (value >= 1023.5 && unit < byteUnits.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : threeDigits(value)} ${byteUnits[unit]}`;
}

/** Whole MiB, rounded down: the format of settings that are sizes. */
export function formatMebibytes(bytes: bigint): string {
  return `${bytes / 1024n ** 2n} MiB`;
}

/** Milliseconds below a second, seconds below a minute, otherwise its two largest units. */
export function formatMs(ms: number): string {
  if (ms < 999.5) return `${threeDigits(ms)} ms`;
  return ms < 60_000 ? `${threeDigits(ms / 1000)} s` : formatAge(ms);
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

/** Whole numbers as they are. */
export function threeDigits(value: number): string {
  if (Number.isInteger(value) || value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}
