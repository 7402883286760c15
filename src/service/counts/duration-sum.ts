import type { DurationSum } from "../contract/statistics.ts";

export function durationSum(count: number, sumMs: number): DurationSum {
  return { count, ns: BigInt(Math.round(sumMs * 1e6)) };
}
