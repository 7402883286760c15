import type { TestContext } from "node:test";
import { Random } from "./mutate.ts";

/** Randomness that differs from run to run. The seed is printed; MODELPORT_FUZZ_SEED repeats it. */
export function fuzzRandom(t: TestContext): Random {
  const given = process.env["MODELPORT_FUZZ_SEED"];
  const seed = given === undefined ? Number(process.hrtime.bigint() % 2n ** 31n) : Number(given);
  t.diagnostic(`repeat with MODELPORT_FUZZ_SEED=${seed}`);
  return new Random(seed);
}
