import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { HourOfTraffic } from "../support/model-mesh/hour-of-traffic.ts";
import type { MeshBooks } from "../support/model-mesh/mesh-books.ts";
import { MeshedRuntime } from "../support/model-mesh/meshed-runtime.ts";
import { readRuntimeBooks } from "../support/model-mesh/runtime-books.ts";
import { weights } from "../support/models/layered-models.ts";

const hourMs = 60 * 60_000;
/** A busy machine takes more than an hour for so many. */
const leastAnswered = 1000;
const MiB = 1024 * 1024;

describe("an hour beside ModelMesh, in which everything happens", { timeout: 480_000 }, () => {
  let pod: MeshedRuntime;
  let hour: HourOfTraffic;
  before(async () => {
    // A hundred times as fast; failures that restarts caused are forgotten after a minute. An inference
    // that is never let go of would hold up its unload for good.
    const flags = ["--drain-timeout", "600000", "--default-model-size", `${MiB}`];
    pod = await MeshedRuntime.start({
      scale: 100,
      failureExpiryMs: 60_000,
      capacityBytes: 16 * MiB,
      flags,
    });
    hour = new HourOfTraffic(pod, 20);
    await hour.run({ durationMs: hourMs, leastAnswered });
  });
  after(() => pod?.close());

  it("gives every caller the right answer but while there is no runtime", () => {
    assert.deepEqual(hour.unexpected.slice(0, 20), []);
    assert.ok(hour.answered >= leastAnswered, `only ${hour.answered} answered`);
  });

  it("loses no model of its own accord", () => {
    assert.deepEqual(hour.lost, []);
  });

  it("evicts, cancels and unloads all the while, and no unload ever fails", (t) => {
    assert.equal(hour.books.length, 2, "ModelMesh was started again once");
    const sum = (of: (books: MeshBooks) => number) =>
      hour.books.reduce((total, books) => total + of(books), 0);
    const evictions = sum((books) => books.evictions);
    const cancelled = sum((books) => books.cancelledLoads);
    const loads = sum((books) => books.countOf("loadModel", "OK"));
    t.diagnostic(
      `${hour.answered} inferences, ${hour.refused} without a runtime, ${hour.crowdedOut} evicted ` +
        `on their way in, ${loads} loads, ` +
        `${evictions} evictions, ${cancelled} cancelled loads`,
    );
    assert.ok(evictions > 100, `${evictions} evictions`);
    assert.ok(cancelled > 0, "no load was cancelled");
    for (const books of hour.books) {
      assert.deepEqual(books.breaches, []);
      // UNAVAILABLE is what gRPC itself says where nobody listens.
      const codes = books.codesOf("unloadModel").filter((code) => code !== "UNAVAILABLE");
      assert.deepEqual(codes, ["OK"]);
    }
  });

  it("leaves both sides with the same books", async () => {
    assert.deepEqual(await pod.contradictions(), []);
  });

  it("leaves nothing once every model is gone", async () => {
    for (const { id } of pod.mesh.cache.entries) pod.mesh.unregister(id);
    assert.deepEqual(await pod.contradictions(), []);
    assert.deepEqual(pod.mesh.cache.loads.trackedIds, []);
    assert.equal(pod.mesh.cache.accounts.heldUnits, 0);
    assert.deepEqual([...(await readRuntimeBooks(pod.served.port)).states], []);
    assert.deepEqual(await leftovers(pod.served.port), []);
    // Only with all of its memory free does the runtime take a model that needs nearly all of it.
    const { path: modelPath } = await pod.write("big", weights({ bytes: 11 * MiB }));
    const answer = await fetch(`http://127.0.0.1:${pod.served.port}/mmesh.ModelRuntime/loadModel`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ modelId: "big", modelType: "mt:onnx", modelPath }),
    });
    assert.equal(answer.status, 200, await answer.text());
  });
});

/** What the runtime shows of itself that an empty one would not. */
async function leftovers(port: number): Promise<string[]> {
  const path = "/modelport.v1.RuntimeWatchService/GetSnapshot";
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  const { snapshot } = (await answer.json()) as {
    readonly snapshot: {
      readonly runtime: Readonly<Record<string, unknown>> & {
        readonly hosts: { models?: number }[];
      };
      readonly models?: { readonly id: string; readonly state: string }[];
    };
  };
  const { runtime, models = [] } = snapshot;
  const figures = ["usedBytes", "reservedBytes", "loadsWaiting", "loadsRunning"];
  return [
    // Rows of failed loads stay to be read; they hold nothing.
    ...models.filter(({ state }) => state !== "MODEL_STATE_FAILED").map(({ id }) => `model ${id}`),
    ...figures.filter((name) => Number(runtime[name] ?? 0) !== 0),
    ...runtime.hosts.filter((host) => (host.models ?? 0) !== 0).map(() => "a model in a host"),
  ];
}
