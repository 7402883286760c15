/** Processes start their `performance.now()` at different times; the system's clock below it is one for all. */
const startMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** A time of `performance.now()` by the clock that all processes of this machine share, in milliseconds. It never
 *  goes back, whatever happens to the time of day. */
export function monotonicMs(nowMs: number): number {
  return startMs + nowMs;
}

/** The opposite: a time of that clock by the `performance.now()` of this process. */
export function ownMs(monotonicMs: number): number {
  return monotonicMs - startMs;
}
