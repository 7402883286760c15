import type { TestContext } from "node:test";
import { fuzzSeed } from "./fuzz-run.ts";
import { Random } from "./mutate.ts";

/** Randomness that differs from run to run. The seed is printed; MODELPORT_FUZZ_SEED repeats it. */
export function fuzzRandom(t: TestContext): Random {
  const seed = fuzzSeed(process.env["MODELPORT_FUZZ_SEED"]);
  t.diagnostic(`repeat with MODELPORT_FUZZ_SEED=${seed}`);
  return new Random(seed);
}
