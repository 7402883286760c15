/** LightGBM's kZeroThreshold: its predictors read numbers up to this magnitude as 0. */
export const zeroThreshold = Math.fround(1e-35);

/** The next double below -`zeroThreshold`. */
const belowZeros = nextAwayFromZero(-zeroThreshold);

/** The threshold that decides all `x` as the library does, which compares 0 instead of an `x` that is nearly 0. Its own
 *  thresholds are often ±`zeroThreshold`. */
export function foldedThreshold(threshold: number): number {
  if (threshold >= 0) return Math.max(threshold, zeroThreshold);
  return threshold >= -zeroThreshold ? belowZeros : threshold;
}

function nextAwayFromZero(value: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  view.setBigInt64(0, view.getBigInt64(0) + 1n);
  return view.getFloat64(0);
}
