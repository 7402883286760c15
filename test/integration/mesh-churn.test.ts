import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fuzzRandom } from "../support/attacks/fuzz-seed.ts";
import { MeshedRuntime } from "../support/model-mesh/meshed-runtime.ts";
import { runChurn } from "../support/model-mesh/start-churn.ts";

const MiB = 1024 * 1024;

describe("more models than fit, from 20 kB to 50 MB in one shared host", () => {
  it("come and go without a wrong answer, a lost host or different books", async (t) => {
    const seed = fuzzRandom(t).below(1_000_000);
    const report = await runChurn({ durationMs: 15_000, seed, scale: 4 });
    const { faults, ...counts } = report;
    t.diagnostic(JSON.stringify(counts));
    assert.deepEqual(faults, []);
    assert.ok(counts.evictions > 0, "models had to make room");
  });
});

describe("the stand-in for ModelMesh", () => {
  it("refuses a load that would evict what was used a moment ago", async (t) => {
    // No machine is so slow that a model would be old enough.
    const options = { scale: 50, capacityBytes: 4 * MiB, minChurnAgeMs: 1e9 };
    const pod = await MeshedRuntime.start(options);
    t.after(() => pod.close());
    let refused: unknown;
    for (let at = 0; at < 100 && refused === undefined; at++) {
      await pod.addModel(`m-${at}`, at);
      refused = await pod.askFor(`m-${at}`).then(
        () => undefined,
        (reason: unknown) => reason,
      );
    }
    assert.match(String(refused), /INTERNAL: Cache churn threshold exceeded/);
    assert.equal(pod.mesh.books.evictions, 0);
    assert.deepEqual(await pod.contradictions(), []);
  });
});
