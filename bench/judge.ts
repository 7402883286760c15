import type { Comparison, Target } from "./comparisons.ts";
import { type Measurement, quantile } from "./measurements.ts";

/** A comparison with the values of a run in it. */
export interface Judged {
  readonly comparison: Comparison;
  readonly measured: Measurement;
  readonly against?: Measurement;
  /** The median of the ratios of neighbours in time; absent where nothing is divided. */
  readonly ratio?: number;
  /** What is promised, as a bound. */
  readonly bound?: { readonly sense: "≥" | "≤"; readonly value: number };
  readonly verdict?: "pass" | "miss";
}

/** Omits what this run has not measured. */
export function judge(
  comparisons: readonly Comparison[],
  measurements: readonly Measurement[],
): Judged[] {
  const byId = new Map(measurements.map((measurement) => [measurement.id, measurement]));
  return comparisons.flatMap((comparison) => {
    const measured = byId.get(comparison.of);
    if (measured === undefined) return [];
    const { against: againstId, target } = comparison;
    const against = againstId === undefined ? undefined : byId.get(againstId);
    if (againstId !== undefined && against === undefined) return [];
    const ratio = against === undefined ? undefined : ratioOf(measured, against);
    const bound = target === undefined ? undefined : boundOf(target, byId);
    return {
      comparison,
      measured,
      ...(against === undefined ? {} : { against }),
      ...(ratio === undefined ? {} : { ratio }),
      ...(bound === undefined ? {} : { bound, verdict: decide(ratio ?? measured.median, bound) }),
    };
  });
}

/** Where two took turns, each round has a ratio of its own: a few seconds of a slow machine cancel out in it,
 *  but not in a ratio of medians. */
function ratioOf(measured: Measurement, against: Measurement): number {
  if (measured.rounds.length !== against.rounds.length) return measured.median / against.median;
  const ratios = measured.rounds.map((value, round) => value / (against.rounds[round] ?? value));
  return quantile(ratios, 0.5);
}

function boundOf(
  target: Target,
  byId: ReadonlyMap<string, Measurement>,
): NonNullable<Judged["bound"]> {
  if ("atMost" in target) return { sense: "≤", value: target.atMost };
  if (!("ofId" in target)) return { sense: "≥", value: target.atLeast };
  const other = byId.get(target.ofId);
  if (other === undefined) return { sense: "≥", value: target.atLeast };
  return { sense: "≥", value: Math.min(target.atLeast, target.orShare * other.median) };
}

function decide(value: number, { sense, value: limit }: NonNullable<Judged["bound"]>) {
  return (sense === "≥" ? value >= limit : value <= limit) ? "pass" : "miss";
}
