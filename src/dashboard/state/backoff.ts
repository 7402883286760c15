const firstMs = 250;
const longestMs = 10_000;

/** The delay before attempt number `attempt` (from 1): longer each time, and randomized, so that pages that
 *  lost the same server do not return together. */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const fullMs = Math.min(longestMs, firstMs * 2 ** (attempt - 1));
  return Math.round(fullMs * (0.75 + 0.25 * random()));
}
