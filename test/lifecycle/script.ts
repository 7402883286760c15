import fc from "fast-check";

export const acts = {
  load: 150,
  cancel: 70,
  unload: 80,
  infer: 140,
  status: 20,
  ask: 50,
  predict: 10,
  "load from repository": 90,
  "unload from repository": 12,
  "change repository": 60,
  index: 8,
  crash: 20,
  settle: 330,
  calm: 60,
  time: 80,
  close: 2,
} as const satisfies Record<string, number>;

export type Act = keyof typeof acts;

/** One step. What `a` and `b` mean is up to the act; every number is fine for every act, so that a script
 *  from which steps were taken out is still a script. */
export interface Step {
  readonly act: Act;
  readonly a: number;
  /** 0 to 99. Where something may go wrong, 0 does not. */
  readonly b: number;
  /** How many turns promises get to react before the next step; `allTurns` for as many as they want. */
  readonly turns: number;
}

export const allTurns = 8;

export interface Setup {
  readonly idCount: number;
  readonly loadingConcurrency: number;
  readonly drainTimeoutMs: number;
  readonly isDiskSlow: boolean;
  readonly isEngineSlow: boolean;
  readonly containerMiB: number;
  /** What the operator sets for runs; 0: nothing. */
  readonly runMiB: number;
  readonly cores: number;
}

export interface Script {
  readonly setup: Setup;
  readonly steps: readonly Step[];
}

/** Scripts of `maxSteps` steps at most. */
export function scripts(maxSteps: number): fc.Arbitrary<Script> {
  const act = fc.oneof(
    ...Object.entries(acts).map(([name, weight]) => ({
      arbitrary: fc.constant(name as Act),
      weight,
    })),
  );
  const turns = fc.oneof(
    { arbitrary: fc.constant(allTurns), weight: 3 },
    { arbitrary: fc.nat(allTurns - 1), weight: 1 },
  );
  const step = fc
    .tuple(act, fc.nat(999), fc.nat(99), turns)
    .map(([act, a, b, turns]): Step => ({ act, a, b, turns }));
  const setup = fc.record({
    idCount: fc.constantFrom(1, 2, 4, 12),
    loadingConcurrency: fc.integer({ min: 1, max: 3 }),
    drainTimeoutMs: fc.constantFrom(2000, 300, 0),
    isDiskSlow: fc.boolean(),
    isEngineSlow: fc.boolean(),
    containerMiB: fc.integer({ min: 256, max: 16_384 }),
    runMiB: fc.constantFrom(0, 0, 48, 700),
    cores: fc.constantFrom(1, 2, 16),
  });
  // Without the bias towards small values that finds wrong boundaries: there are none here.
  return fc.noBias(
    fc.record({ setup, steps: fc.array(step, { maxLength: maxSteps, size: "max" }) }),
  );
}
