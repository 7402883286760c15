import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isRunning } from "../support/engine-fixture.ts";
import { fuzzRandom } from "../support/fuzz-seed.ts";
import { MeshedRuntime } from "../support/model-mesh/meshed-runtime.ts";
import { runChurn } from "../support/model-mesh/start-churn.ts";
import { addsWithWeights } from "../support/onnx-models.ts";
import { canMeasureTrees, measureTree } from "../support/process-tree.ts";

const MiB = 1024 * 1024;
const skip = canMeasureTrees ? false : "cannot find the hosts of a runtime";

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

  it("hands a cancelled load to whoever wants the model before its unload", { skip }, async (t) => {
    // By the wall's clock, its unload is three seconds away.
    const pod = await MeshedRuntime.start({ scale: 1, capacityBytes: 256 * MiB });
    t.after(() => pod.close());
    pod.mesh.register("m", await pod.write("m", addsWithWeights(1, 50 * MiB)));
    // Its load lasts until it is cancelled, in a host of its own.
    const { pids } = await measureTree(pod.served.pid);
    const hosts = pids.filter((pid) => pid !== pod.served.pid);
    const signal = (name: NodeJS.Signals) => {
      for (const pid of hosts.filter(isRunning)) process.kill(pid, name);
    };
    signal("SIGSTOP");
    t.after(() => signal("SIGCONT"));
    const first = pod.mesh.ensureLoaded("m").catch(() => {});
    while (!pod.mesh.cache.entries.some(({ state }) => state === "loading")) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    pod.mesh.scaleDown("m");
    await assert.rejects(pod.mesh.ensureLoaded("m"), /CancellationException/);
    await first;
    signal("SIGCONT");
    assert.deepEqual(await pod.contradictions(), []);
  });
});
