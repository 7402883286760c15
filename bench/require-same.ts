/** Throws unless both servers answered the same values, give or take `tolerance`. */
export function requireSame(
  expected: ArrayLike<number>,
  values: ArrayLike<number>,
  tolerance: number,
): void {
  const isSame =
    values.length === expected.length &&
    Array.from(values).every(
      (value, at) => Math.abs(value - (expected[at] ?? Number.NaN)) <= tolerance,
    );
  if (!isSame) throw new Error(`servers disagree: ${shorten(expected)} and ${shorten(values)}`);
}

function shorten(values: ArrayLike<number>): string {
  return `${values.length} values, first ${Array.from(values).slice(0, 3)}`;
}
