import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { RuntimeError } from "../../../src/base/errors.ts";
import { SafePath } from "../../../src/base/files/safe-path.ts";
import { HostLostError } from "../../../src/engine/contract/host-lost-error.ts";
import { createLogger } from "../../../src/observe/log.ts";
import type { InferenceRequest } from "../../../src/service/contract/models.ts";
import { ModelManager, type ModelManagerOptions } from "../../../src/service/model-manager.ts";
import { FakeEngine } from "../../support/fakes/fake-engine.ts";
import { managerOptions } from "../../support/fakes/manager-options.ts";

const forever = new AbortController().signal;
const ask = (version: string): InferenceRequest => ({
  version,
  inputs: [{ name: "x", datatype: "FP32", shape: [1], data: new Uint8Array(4) }],
  outputs: [],
});

/** A repository with a plain model, and one with versions 2 and 10; loads finish by themselves. */
async function setUp(t: TestContext, options: Partial<ModelManagerOptions> = {}) {
  const root = await mkdtemp(join(tmpdir(), "modelport-local-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  await writeFile(join(root, "plain.onnx"), "p");
  for (const version of ["2", "10"]) {
    await mkdir(join(root, "numbered", version), { recursive: true });
    await writeFile(join(root, "numbered", version, "model.onnx"), version);
  }
  const engine = new FakeEngine();
  const manager = new ModelManager(
    { engine, safePath: new SafePath([root]), log: createLogger("silent") },
    managerOptions({
      capacityBytes: 10_000,
      loadingConcurrency: 8,
      modelRepository: root,
      ...options,
    }),
  );
  const models = new Map<string, Awaited<ReturnType<typeof finish>>>();
  async function finish(count: number) {
    const load = await engine.nthLoad(count);
    const model = load.finish();
    models.set(load.source.file.slice(root.length + 1), model);
    return model;
  }
  async function loadAll() {
    const first = engine.loads.length;
    const all = manager.loadRepository(forever);
    for (const nth of [1, 2, 3]) await finish(first + nth);
    return await all;
  }
  return { root, engine, manager, models, finish, loadAll };
}

describe("the models of a local repository", () => {
  it("count for the capacity while they are queued and loading, not only when they are ready", async (t) => {
    const { manager, engine, finish } = await setUp(t, { loadingConcurrency: 1 });
    engine.estimatedBytes = 100;
    const all = manager.loadRepository(forever);
    const capacity = async () => {
      const status = await manager.status();
      return status.ready ? status.capacityBytes : Number.NaN;
    };
    await finish(1);
    await engine.nthLoad(2);
    // One is there, one is loading and one waits for its turn, once its file was looked into.
    for (let turn = 0; turn < 50; turn++) await setImmediate();
    assert.equal(await capacity(), 10_000 - 60 - 100 - 100);
    for (const nth of [2, 3]) await finish(nth);
    await all;
    assert.equal(await capacity(), 10_000 - 3 * 60);
  });

  it("are waited for before the runtime is ready, once, if it is to be", async (t) => {
    const { manager, loadAll, engine } = await setUp(t, { readyWhen: "loaded" });
    await engine.ready;
    await setImmediate();
    assert.deepEqual([manager.ready, await manager.status()], [false, { ready: false }]);
    const told: boolean[] = [];
    manager.readiness.onChange(() => told.push(manager.ready));
    await loadAll();
    await setImmediate();
    assert.equal((await manager.status()).ready, true);
    await manager.unloadFromRepository("plain");
    assert.equal(manager.ready, true, "for good");
    assert.deepEqual(told, [true]);
  });

  it("that fail do not keep the runtime from being ready", async (t) => {
    const { manager, engine } = await setUp(t, { readyWhen: "loaded" });
    const all = manager.loadRepository(forever);
    for (const nth of [1, 2, 3]) {
      (await engine.nthLoad(nth)).fail(new RuntimeError("load-failed", "unknown operator"));
    }
    assert.equal((await all).length, 2);
    await setImmediate();
    assert.equal(manager.ready, true);
  });

  it("are all loaded, and survive the purge of runtimeStatus", async (t) => {
    const { manager, loadAll } = await setUp(t);
    assert.deepEqual(await loadAll(), []);
    const status = await manager.status();
    assert.equal(status.ready && status.capacityBytes, 10_000 - 3 * 60);
    assert.deepEqual(await manager.index(), [
      { name: "numbered", version: "2", state: "READY", reason: "" },
      { name: "numbered", version: "10", state: "READY", reason: "" },
      { name: "plain", version: "", state: "READY", reason: "" },
    ]);
  });

  it("answer by their highest version, or by the one that is asked for", async (t) => {
    const { manager, models, loadAll } = await setUp(t);
    await loadAll();
    for (const [version, folder] of [
      ["", "10"],
      ["10", "10"],
      ["2", "2"],
    ] as const) {
      const run = manager.infer("numbered", ask(version), forever);
      await setImmediate();
      models.get(`numbered/${folder}`)?.runs.at(-1)?.answer.resolve([]);
      assert.deepEqual(await run, { version: folder, outputs: [] });
    }
    assert.deepEqual(manager.describe("numbered", "").versions, ["2", "10"]);
    assert.deepEqual(manager.describe("plain", "").versions, []);
    assert.equal(manager.isModelReady("numbered", "2"), true);
    assert.equal(manager.isModelReady("numbered", "3"), false);
    assert.equal(manager.statistics("numbered", "10")[0]?.success.count, 2);
    assert.equal(manager.statistics("numbered").length, 2);
    assert.equal(manager.statistics().length, 3);
  });

  it("say which versions they have when another is asked for", async (t) => {
    const { manager, loadAll } = await setUp(t);
    await loadAll();
    await assert.rejects(manager.infer("numbered", ask("3"), forever), {
      kind: "invalid-argument",
      message: "version '3' of model 'numbered' is not served: it has 2, 10",
    });
    assert.throws(() => manager.describe("plain", "2"), {
      kind: "invalid-argument",
      message: "version '2' of model 'plain' is not served: it has no versions",
    });
    await assert.rejects(manager.infer("nobody", ask("1"), forever), { kind: "model-not-found" });
    await assert.rejects(manager.infer("numbered\x0010", ask(""), forever), {
      kind: "model-not-found",
    });
  });

  it("may be called version 1 where they have none, as Triton calls them", async (t) => {
    const { manager, loadAll } = await setUp(t);
    await loadAll();
    assert.equal(manager.isModelReady("plain", "1"), true);
    assert.deepEqual(manager.describe("plain", "1").versions, []);
    assert.equal(manager.statistics("plain", "1").length, 1);
    assert.equal(manager.isModelReady("numbered", "1"), false);
    assert.equal(manager.isModelReady("nobody", "1"), false);
  });

  it("are unloaded with all versions, and listed as unavailable then", async (t) => {
    const { manager, loadAll } = await setUp(t);
    await loadAll();
    await manager.unloadFromRepository("numbered");
    assert.deepEqual((await manager.index()).slice(0, 2), [
      { name: "numbered", version: "2", state: "UNAVAILABLE", reason: "not loaded" },
      { name: "numbered", version: "10", state: "UNAVAILABLE", reason: "not loaded" },
    ]);
    await assert.rejects(manager.unloadFromRepository("numbered"), { kind: "model-not-found" });
    assert.equal(manager.usedBytes, 60);
    await manager.unload("plain");
    assert.equal(manager.usedBytes, 0);
  });

  it("are loaded again only where their files have changed; what has left the disk leaves", async (t) => {
    const { root, engine, manager, models, finish, loadAll } = await setUp(t);
    await loadAll();
    await manager.loadFromRepository("numbered", forever);
    assert.equal(engine.loads.length, 3);
    await writeFile(join(root, "numbered", "10", "model.onnx"), "another");
    await rm(join(root, "numbered", "2"), { recursive: true });
    const old = models.get("numbered/10");
    const reload = manager.loadFromRepository("numbered", forever);
    await finish(4);
    await reload;
    assert.equal(old?.unloadCount, 1);
    assert.deepEqual(manager.describe("numbered", "").versions, ["10"]);
  });

  it("keep a version that a newer load has found, whatever an older one had seen", async (t) => {
    const { root, engine, manager, finish } = await setUp(t);
    const older = manager.loadFromRepository("numbered", forever);
    await engine.nthLoad(2);
    await mkdir(join(root, "numbered", "11"));
    await writeFile(join(root, "numbered", "11", "model.onnx"), "11");
    const newer = manager.loadFromRepository("numbered", forever);
    for (const nth of [3, 1, 2]) await finish(nth);
    await Promise.all([older, newer]);
    assert.equal(manager.isModelReady("numbered", "11"), true);
  });

  it("let a caller go at once that leaves while a version drains", async (t) => {
    const { root, manager, loadAll } = await setUp(t);
    await loadAll();
    const [caller, user] = [new AbortController(), new AbortController()];
    const run = manager.infer("numbered", ask("2"), user.signal);
    await rm(join(root, "numbered", "2"), { recursive: true });
    const answer = manager.loadFromRepository("numbered", caller.signal);
    while (manager.isModelReady("numbered", "2")) await setImmediate();
    caller.abort(new Error("gone"));
    await assert.rejects(answer, /gone/);
    user.abort(new Error("done"));
    await assert.rejects(run, /done/);
  });

  it("tell why they did not load, and stop nobody else", async (t) => {
    const { engine, manager } = await setUp(t);
    const all = manager.loadRepository(forever);
    for (const nth of [1, 2, 3]) {
      const load = await engine.nthLoad(nth);
      if (load.source.file.endsWith("plain.onnx")) {
        load.fail(new RuntimeError("load-failed", "unknown operator Foo"));
      } else load.finish();
    }
    assert.deepEqual(await all, ["plain: unknown operator Foo"]);
    assert.deepEqual((await manager.index()).at(-1), {
      name: "plain",
      version: "",
      state: "UNAVAILABLE",
      reason: "unknown operator Foo",
    });
  });

  it("stay the repository's to load and unload when ModelMesh calls, unless so set", async (t) => {
    for (const lifecycleOwner of ["auto", "repository"] as const) {
      const own = await setUp(t, { lifecycleOwner });
      await own.loadAll();
      await own.manager.status("modelmesh");
      await own.manager.loadFromRepository("plain", forever);
      await own.manager.unloadFromRepository("plain");
    }
    const refusal = { kind: "failed-precondition", message: /ModelMesh owns the lifecycle/ };
    const mesh = await setUp(t, { lifecycleOwner: "modelmesh" });
    await assert.rejects(mesh.manager.loadFromRepository("plain", forever), refusal);
    await assert.rejects(mesh.manager.unloadFromRepository("plain"), refusal);
  });

  it("are refused by name when they are not there, or there is no repository", async (t) => {
    const { manager } = await setUp(t);
    await assert.rejects(manager.loadFromRepository("nobody", forever), {
      kind: "model-not-found",
      message: "model 'nobody' is not in the model repository",
    });
    const without = await setUp(t, { modelRepository: undefined });
    await assert.rejects(without.manager.loadFromRepository("plain", forever), {
      kind: "failed-precondition",
    });
    assert.deepEqual(await without.manager.index(), []);
  });

  it("are not harmed by an entry that cannot be read: it is one that is not available", async (t) => {
    const { root, manager, loadAll } = await setUp(t);
    await symlink("nowhere.onnx", join(root, "old.onnx"));
    await writeFile(join(root, "plain.txt"), "labels");
    const reason = `what ${join(root, "old.onnx")} points to does not exist`;
    assert.deepEqual(await loadAll(), [`old: ${reason}`]);
    const index = await manager.index();
    assert.deepEqual(
      index.map(({ name, version, state }) => `${name}/${version} ${state}`),
      ["numbered/2 READY", "numbered/10 READY", "old/ UNAVAILABLE", "plain/ READY"],
    );
    assert.equal(index.find(({ name }) => name === "old")?.reason, reason);
    await assert.rejects(manager.loadFromRepository("old", forever), { message: reason });
    await manager.loadFromRepository("plain", forever);
  });

  it("are listed as loaded while their folder cannot be read", async (t) => {
    const { root, manager, loadAll } = await setUp(t);
    await loadAll();
    await rm(join(root, "numbered"), { recursive: true });
    await symlink("nowhere", join(root, "numbered"));
    const states = async () =>
      (await manager.index()).map(({ name, version, state }) => `${name}/${version} ${state}`);
    const all = ["numbered/2 READY", "numbered/10 READY", "plain/ READY"];
    assert.deepEqual(await states(), all);
    await assert.rejects(manager.loadFromRepository("numbered", forever), /does not exist/);
    assert.equal(manager.isModelReady("numbered", "2"), true);
    await rm(root, { recursive: true });
    assert.deepEqual(await states(), all, "without a repository as well");
  });

  it("are named by why they are none when somebody wants to load them", async (t) => {
    const { root, manager } = await setUp(t);
    await mkdir(join(root, "bert"));
    await writeFile(join(root, "bert", "model.safetensors"), "");
    await assert.rejects(manager.loadFromRepository("bert", forever), {
      kind: "model-not-found",
      message:
        /'bert' is not in the model repository: .* no \.onnx file; seen: model\.safetensors$/,
    });
  });

  it("do not meet ids that callers send", async (t) => {
    const { manager } = await setUp(t);
    const spec = { id: "numbered\x0010", path: "plain.onnx", type: "", key: "" };
    await assert.rejects(manager.load(spec, forever), { kind: "invalid-argument", message: /NUL/ });
    await assert.rejects(manager.predictSize(spec), { kind: "invalid-argument", message: /NUL/ });
  });
});

describe("a model of a local repository that was given up", () => {
  const crash = () => new HostLostError("caused", new RuntimeError("host-lost", "it crashed"));

  /** Ends the hosts of the plain model until it is given up. */
  async function giveUp(t: TestContext) {
    const world = await setUp(t);
    await world.loadAll();
    let nowMs = performance.now();
    t.mock.method(performance, "now", () => nowMs);
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const pass = async (ms: number) => {
      nowMs += ms;
      t.mock.timers.tick(ms);
      for (let turn = 0; turn < 30; turn++) await setImmediate();
    };
    const { manager, engine, models, finish } = world;
    for (let death = 1; death <= 3; death++) {
      models.get("plain.onnx")?.die(crash());
      await pass(0);
      await pass(1_000);
      if (death < 3) await finish(3 + death);
      await pass(0);
    }
    assert.equal(manager.isModelReady("plain", ""), false);
    assert.equal(engine.loads.length, 5);
    return { ...world, pass };
  }

  it("comes back by itself after its ban", async (t) => {
    const { manager, engine, finish, pass } = await giveUp(t);
    await pass(8_000);
    assert.equal(engine.loads.length, 5);
    await pass(2_000);
    for (let turn = 0; turn < 100 && engine.loads.length === 5; turn++) await setImmediate();
    await finish(6);
    await pass(0);
    assert.equal(manager.isModelReady("plain", ""), true);
    assert.equal(engine.loads[5]?.isolated, true);
    await manager.close();
  });

  it("stays away if it is unloaded meanwhile, or the server stops", async (t) => {
    const { manager, engine, pass } = await giveUp(t);
    await manager.unloadFromRepository("plain");
    await pass(60_000);
    assert.equal(engine.loads.length, 5);
    await assert.rejects(manager.unloadFromRepository("plain"), { kind: "model-not-found" });
    await manager.close();
  });
});
