import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { installVirtualDisk, runScript } from "./run-script.ts";
import { scripts } from "./script.ts";
import { describeFailure, searchForViolation } from "./search.ts";

const given = process.env["MODELPORT_LIFECYCLE_SEED"];
// Another one each time, so that every run of CI looks where none has looked before.
const seed = given ?? String(Date.now() % 1_000_000_000);
const steps = Number(process.env["MODELPORT_LIFECYCLE_STEPS"] ?? 100_000);

describe("the lifecycle of models, in random scripts", () => {
  it("keeps all of its promises after every step", async (t) => {
    // A search that does not end tells no more than this.
    t.diagnostic(`seed ${seed}`);
    const found = await searchForViolation({ seed, steps, shrinks: true });
    t.diagnostic(`${found.steps} steps in ${found.scripts} scripts`);
    if (found.failure !== undefined) assert.fail(describeFailure(found.failure));
    // A seed with a path replays one script, which may be short.
    assert.ok(seed.includes(":") || found.steps >= steps);
  });

  it("takes the same course each time that a script is run", async () => {
    const uninstall = installVirtualDisk();
    let served = 0;
    try {
      for (const script of fc.sample(scripts(240), { seed: 7, numRuns: 20 })) {
        const { trace } = await runScript(script);
        assert.deepEqual((await runScript(script)).trace, trace);
        served += trace.filter((line) => /versioned[^,|]* ready/.test(line)).length;
      }
      // Else nothing is tried of the local repository, and nothing found.
      assert.ok(served > 0, "no version of a model of the repository was ever loaded");
    } finally {
      uninstall();
    }
  });
});
