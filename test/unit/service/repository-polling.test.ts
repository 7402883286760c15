import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { RuntimeError } from "../../../src/base/errors.ts";
import { SafePath } from "../../../src/base/files/safe-path.ts";
import { createLogger } from "../../../src/observe/log.ts";
import type { InferenceRequest } from "../../../src/service/contract/models.ts";
import { ModelManager, type ModelManagerOptions } from "../../../src/service/model-manager.ts";
import { FakeEngine } from "../../support/fakes/fake-engine.ts";
import { managerOptions } from "../../support/fakes/manager-options.ts";
import { waitFor } from "../../support/wait-for.ts";

const forever = new AbortController().signal;
const ask = (version: string): InferenceRequest => ({
  version,
  inputs: [{ name: "x", datatype: "FP32", shape: [1], data: new Uint8Array(4) }],
  outputs: [],
});

/** A polled repository of "m" with version 1, whose loads take 60 of the capacity each. */
async function setUp(
  t: TestContext,
  settings: object = {},
  options: Partial<ModelManagerOptions> = {},
) {
  const root = await mkdtemp(join(tmpdir(), "modelport-polled-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  const put = async (name: string, text: string) => {
    await mkdir(join(root, name, ".."), { recursive: true });
    await writeFile(join(root, name), text);
  };
  const set = (changed: object) => put("m/modelport.json", JSON.stringify(changed));
  await put("m/1/model.onnx", "1");
  await set(settings);
  const engine = new FakeEngine();
  engine.estimatedBytes = 60;
  const manager = new ModelManager(
    { engine, safePath: new SafePath([root]), log: createLogger("silent") },
    managerOptions({ modelRepository: root, repositoryPollMs: 5, ...options }),
  );
  t.after(() => manager.close());
  const first = manager.loadRepository(forever);
  const old = (await engine.nthLoad(1)).finish();
  await first;
  const polling = () => manager.watch.snapshot().runtime?.polling;
  const holds = (_what: string, condition: () => boolean) => waitFor(condition);
  return { root, put, set, engine, manager, old, polling, holds };
}

describe("a polled repository", () => {
  it("serves the old files until the new ones are loaded, and then only the new ones", async (t) => {
    const { put, engine, manager, old, holds } = await setUp(t);
    await put("m/1/model.onnx", "changed");
    const load = await engine.nthLoad(2);
    assert.equal(manager.isModelReady("m", "1"), true);
    assert.deepEqual(
      (await manager.index()).map(({ state }) => state),
      ["READY"],
    );
    const inFlight = manager.infer("m", ask(""), forever);
    await holds("the run is in the host", () => old.runs.length === 1);
    const next = load.finish();
    await holds("the new generation is asked", () => {
      void manager.infer("m", ask(""), forever).catch(() => {});
      return next.runs.length > 0;
    });
    assert.equal(old.unloadCount, 0, "a request is in flight");
    old.runs[0]?.answer.resolve([]);
    assert.deepEqual(await inFlight, { version: "1", outputs: [] });
    await holds("the old one is unloaded", () => old.unloadCount === 1);
    for (const run of next.runs) run.answer.resolve([]);
    await holds("one generation is left", () => manager.usedBytes === 60);
  });

  it("keeps what serves where the new files do not load, tells why, and takes the next ones", async (t) => {
    const { put, engine, manager, old, polling, holds } = await setUp(t);
    await put("m/1/model.onnx", "broken");
    (await engine.nthLoad(2)).fail(new RuntimeError("load-failed", "unknown operator Foo"));
    await holds("the failure is told", () => polling()?.failingCount === 1);
    assert.deepEqual(polling()?.failing, [{ name: "m", reason: "unknown operator Foo" }]);
    assert.equal(manager.isModelReady("m", "1"), true);
    assert.equal(old.unloadCount, 0);
    const polls = polling()?.polls ?? 0;
    await holds("more polls", () => (polling()?.polls ?? 0) > polls + 3);
    assert.equal(engine.loads.length, 2, "the same files are not tried again");
    await put("m/1/model.onnx", "whole");
    (await engine.nthLoad(3)).finish();
    await holds("the old one is unloaded", () => old.unloadCount === 1);
    await holds("nothing fails", () => polling()?.failingCount === 0);
  });

  it("moves from one version to the next under a policy, and not to one that is broken", async (t) => {
    const policy = { version_policy: { latest: { num_versions: 1 } } };
    const { put, engine, manager, old, polling, holds } = await setUp(t, policy);
    await put("m/2/model.onnx", "broken");
    (await engine.nthLoad(2)).fail(new RuntimeError("load-failed", "unknown operator Foo"));
    await holds("the failure is told", () => polling()?.failingCount === 1);
    assert.equal(manager.isModelReady("m", ""), true);
    assert.equal(old.unloadCount, 0);
    await put("m/3/model.onnx", "3");
    (await engine.nthLoad(3)).finish();
    await holds("the first version is unloaded", () => old.unloadCount === 1);
    assert.deepEqual(manager.describe("m", "").versions, ["3"]);
  });

  it("moves an alias once the version that it is to mean serves", async (t) => {
    const { put, set, engine, manager, old, holds, polling } = await setUp(t, {
      version_aliases: { stable: 1 },
    });
    const versionOf = async () => {
      const run = manager.infer("m", ask("stable"), forever);
      return await run.then(({ version }) => version);
    };
    const answering = setInterval(() => {
      for (const { answer } of old.runs) answer.resolve([]);
    }, 1);
    t.after(() => clearInterval(answering));
    assert.equal(await versionOf(), "1");
    await put("m/2/model.onnx", "2");
    await set({ version_aliases: { stable: 2, canary: 2 }, version_policy: { latest: {} } });
    const load = await engine.nthLoad(2);
    assert.equal(await versionOf(), "1");
    assert.throws(() => manager.describe("m", "canary"), {
      kind: "invalid-argument",
      message: "version 'canary' of model 'm' is not served: it has 1 (stable), 2",
    });
    load.finish();
    await holds("the alias has moved", () => manager.isModelReady("m", "canary"));
    await holds("the old version is unloaded", () => old.unloadCount === 1);
    assert.equal(manager.isModelReady("m", "stable"), true);
    assert.equal(manager.isModelReady("m", "1"), false);
    assert.deepEqual(
      manager.watch
        .snapshot()
        .rows.map(({ version, aliases, versionPolicy }) => [version, aliases, versionPolicy]),
      [["2", ["canary", "stable"], "latest 1"]],
    );
    // An alias that means nothing changes nothing.
    await set({ version_aliases: { stable: 7 } });
    await holds("the failure is told", () => polling()?.failingCount === 1);
    assert.match(
      polling()?.failing[0]?.reason ?? "",
      /version_aliases\.stable is version 7, which does not exist/,
    );
    assert.equal(manager.isModelReady("m", "stable"), true);
    assert.equal(manager.statistics("m", "stable").length, 1);
  });

  it("loads new models and unloads those that are gone, but nothing that a client has unloaded", async (t) => {
    const { root, put, engine, manager, old, polling, holds } = await setUp(t);
    await put("_new/model.onnx", "n");
    await rename(join(root, "_new"), join(root, "n"));
    const added = (await engine.nthLoad(2)).finish();
    await holds("the new model serves", () => manager.isModelReady("n", ""));
    await manager.unloadFromRepository("n");
    assert.equal(added.unloadCount, 1);
    await rm(join(root, "m"), { recursive: true });
    await holds("the model is unloaded", () => old.unloadCount === 1);
    await holds("the change is counted", () => polling()?.changes === 2);
    assert.equal(engine.loads.length, 2);
    await put("n/model.onnx", "changed");
    (await engine.nthLoad(3)).finish();
    await holds("its next files are taken", () => manager.isModelReady("n", ""));
  });

  it("keeps within the memory: a model that does not fit beside the old one waits, and the old one serves", async (t) => {
    const { put, engine, manager, old, polling, holds } = await setUp(
      t,
      {},
      { capacityBytes: 100 },
    );
    await put("m/1/model.onnx", "changed");
    await holds("the failure is told", () => polling()?.failingCount === 1);
    assert.match(polling()?.failing[0]?.reason ?? "", /needs .* are free/);
    assert.deepEqual(
      [engine.loads.length, manager.isModelReady("m", "1"), old.unloadCount],
      [1, true, 0],
    );
    // A client that asks for it accepts the gap.
    const load = manager.loadFromRepository("m", forever);
    (await engine.nthLoad(2)).finish();
    await load;
    await holds("nothing fails", () => polling()?.failingCount === 0);
    assert.equal(old.unloadCount, 1);
  });

  it("is not polled where ModelMesh owns the lifecycle, and says so", async (t) => {
    const { put, engine, polling } = await setUp(t, {}, { lifecycleOwner: "modelmesh" });
    const { state, reason } = polling() ?? {};
    assert.equal(state, "off");
    assert.equal(reason, "ModelMesh owns the lifecycle (LIFECYCLE_OWNER=modelmesh)");
    await put("m/1/model.onnx", "changed");
    assert.equal(engine.loads.length, 1);
  });
});
