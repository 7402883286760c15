import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fuzzSeed, runFuzz } from "../../../support/attacks/fuzz-run.ts";
import type { Random } from "../../../support/attacks/mutate.ts";

const run = { kind: "a kind", seed: 7, first: 0, count: 40, inFlight: 4, limitMs: 10_000 };

describe("a run of fuzz cases", () => {
  it("makes the same cases for the same seed, and others for another", async () => {
    const draw = async (seed: number) => {
      const drawn: number[] = [];
      const note = async (random: Random) => {
        drawn.push(random.below(1_000_000));
        return true;
      };
      await runFuzz(note, { ...run, seed });
      return drawn;
    };
    const drawn = await draw(7);
    assert.equal(new Set(drawn).size, 40);
    assert.deepEqual(await draw(7), drawn);
    assert.notDeepEqual(await draw(8), drawn);
  });

  it("counts what was accepted and what was refused", async () => {
    let calls = 0;
    const outcomes = await runFuzz(async () => calls++ % 4 === 0, run);
    assert.deepEqual(outcomes, { accepted: 10, refused: 30 });
  });

  it("fails at the first bad answer, naming kind, seed and case, without waiting for others", async () => {
    let calls = 0;
    const hung = Promise.withResolvers<boolean>();
    const fuzzCase = async () => {
      const call = calls++;
      if (call === 5) throw new Error("answered badly");
      return call === 4 ? hung.promise : true;
    };
    const message = "a kind, MODELPORT_FUZZ_SEED=7, case 5: Error: answered badly";
    await assert.rejects(runFuzz(fuzzCase, run), { message });
    const begun = calls;
    hung.resolve(true);
    await hung.promise;
    assert.ok(begun <= 5 + run.inFlight);
    assert.equal(calls, begun, "nothing begins after a failure");
  });

  it("fails if a case does not end", async () => {
    const never = () => new Promise<boolean>(() => {});
    const message = "a kind, MODELPORT_FUZZ_SEED=7, case 0: Error: no end within 1 ms";
    await assert.rejects(runFuzz(never, { ...run, limitMs: 1 }), { message });
  });
});

describe("the seed of fuzz cases", () => {
  it("is what MODELPORT_FUZZ_SEED says", () => {
    assert.equal(fuzzSeed("1693037168"), 1_693_037_168);
    assert.equal(fuzzSeed("0"), 0);
  });

  it("is refused if it is no seed", () => {
    for (const text of ["x", "-1", "1.5", "2147483648", "1e3", " "]) {
      assert.throws(() => fuzzSeed(text), /MODELPORT_FUZZ_SEED must be an integer/);
    }
  });

  it("is any where the variable says nothing", () => {
    for (const text of [undefined, ""]) {
      const seed = fuzzSeed(text);
      assert.ok(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 31);
    }
  });
});
