import { formatMs as formatDuration, threeDigits } from "../clients/figures.ts";

// What only the page shows: figures that may be missing, rates, and times of day.

const noFigure = "–";

export function formatMs(ms: number | undefined): string {
  return ms === undefined ? noFigure : formatDuration(ms);
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

function isoDay(time: Date): string {
  const two = (part: number) => String(part).padStart(2, "0");
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
}
