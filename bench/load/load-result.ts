import { quantile } from "../measurements.ts";

export interface LoadResult {
  /** Calls that were answered in the time. */
  readonly answers: number;
  readonly perSecond: number;
  /** Of the answers; absent if there were none. */
  readonly latency?: { readonly p50Us: number; readonly p99Us: number };
}

export function resultOf(latenciesUs: readonly number[], perSecond: number): LoadResult {
  const answers = latenciesUs.length;
  if (answers === 0) return { answers, perSecond };
  const latency = { p50Us: quantile(latenciesUs, 0.5), p99Us: quantile(latenciesUs, 0.99) };
  return { answers, perSecond, latency };
}
