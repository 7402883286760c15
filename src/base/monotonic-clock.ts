// Processes start their `performance.now()` at different times; the system's clock below it is one for all.

/** How closely the two clocks are read together, if the system lets them be. */
const closeMs = 0.002;
const maxTries = 1_000;

const startMs = findStart();

/** A time of `performance.now()` by the clock that all processes of this machine share, in milliseconds. It never
 *  goes back, whatever happens to the time of day. */
export function monotonicMs(nowMs: number): number {
  return startMs + nowMs;
}

/** The opposite: a time of that clock by the `performance.now()` of this process. */
export function ownMs(monotonicMs: number): number {
  return monotonicMs - startMs;
}

/** Reads one clock between two readings of the other, until nothing has come between: a busy system may stop this
 *  process for milliseconds at any place, and every time would be wrong by them. */
function findStart(): number {
  let startMs = 0;
  let leastMs = Number.POSITIVE_INFINITY;
  for (let tried = 0; tried < maxTries && leastMs > closeMs; tried++) {
    const beforeMs = performance.now();
    const systemMs = Number(process.hrtime.bigint()) / 1e6;
    const tookMs = performance.now() - beforeMs;
    if (tookMs >= leastMs) continue;
    leastMs = tookMs;
    startMs = systemMs - beforeMs - tookMs / 2;
  }
  return startMs;
}
