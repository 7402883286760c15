// Figures for people: three digits, and the unit that keeps them short.

const noFigure = "–";

const byteUnits = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Decimal units: 1 kB is 1,000 bytes. */
export function formatBytes(bytes: bigint | number): string {
  let value = Number(bytes);
  let unit = 0;
  // A value that would round to 1,000 is 1 of the next unit.
  while (value >= 999.5 && unit < byteUnits.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : threeDigits(value)} ${byteUnits[unit]}`;
}

/** Milliseconds, or seconds from one second on. */
export function formatMs(ms: number | undefined): string {
  if (ms === undefined) return noFigure;
  // Whole milliseconds were measured as such.
  if (Number.isInteger(ms) && ms < 1000) return `${ms} ms`;
  return ms < 999.5 ? `${threeDigits(ms)} ms` : `${threeDigits(ms / 1000)} s`;
}

export function formatRate(perSecond: number): string {
  if (perSecond === 0) return "0";
  return perSecond < 999.5 ? threeDigits(perSecond) : formatCount(Math.round(perSecond));
}

export function formatCount(count: bigint | number): string {
  return count.toLocaleString("en-US");
}

/** The time of day on the runtime's clock, with the date if it is not today. */
export function formatTime(timeMs: bigint | number): string {
  if (Number(timeMs) === 0) return noFigure;
  const time = new Date(Number(timeMs));
  const day = time.toDateString() === new Date().toDateString() ? "" : `${isoDay(time)} `;
  return `${day}${time.toTimeString().slice(0, 8)}`;
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

function threeDigits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

function isoDay(time: Date): string {
  const two = (part: number) => String(part).padStart(2, "0");
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
}
