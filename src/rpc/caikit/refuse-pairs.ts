import { RuntimeError } from "../../base/errors.ts";

/** Pairs of texts in one request. */
const maxPairs = 65_536;

/** Throws "invalid-argument" if two lists of texts, each given by its length and its name, make too many pairs. */
export function refusePairs(
  [ofOne, ones]: readonly [number, string],
  [ofOther, others]: readonly [number, string],
): void {
  const pairs = ofOne * ofOther;
  if (pairs <= maxPairs) return;
  throw new RuntimeError(
    "invalid-argument",
    `${ofOne} ${ones} and ${ofOther} ${others} are ${pairs} pairs, expected at most ${maxPairs}: send fewer at once`,
  );
}
