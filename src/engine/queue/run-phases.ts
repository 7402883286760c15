import type { RunPhases } from "../contract/engine.ts";

/** When a run was where. All times are milliseconds by the same clock. */
export interface RunMoments {
  readonly sentAtMs: number;
  /** When the host was done with what it did before. */
  readonly freeAtMs: number;
  /** When the engine began. */
  readonly startedAtMs: number;
  /** How long it ran. */
  readonly computeMs: number;
  readonly answeredAtMs: number;
}

/** The parts of a run's round trip, none of them negative. Their sum is `awayMs` whatever the host says of itself,
 *  so that no sum of parts exceeds the whole. */
export function runPhases(moments: RunMoments): RunPhases {
  const { sentAtMs, freeAtMs, startedAtMs, answeredAtMs } = moments;
  const awayMs = within(answeredAtMs - sentAtMs, Number.MAX_VALUE);
  const computeMs = within(moments.computeMs, awayMs);
  const beforeMs = within(startedAtMs - sentAtMs, awayMs - computeMs);
  const lineMs = within(freeAtMs - sentAtMs, beforeMs);
  return {
    awayMs,
    lineMs,
    inputMs: beforeMs - lineMs,
    computeMs,
    outputMs: awayMs - computeMs - beforeMs,
  };
}

function within(value: number, most: number): number {
  return value > 0 ? Math.min(value, most) : 0;
}
