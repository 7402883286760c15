import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { RuntimeError } from "../../../src/base/errors.ts";
import { SafePath } from "../../../src/base/safe-path.ts";
import type { ModelSource } from "../../../src/engine/contract/engine.ts";
import { HostLostError } from "../../../src/engine/contract/host-lost-error.ts";
import { createLogger } from "../../../src/observe/log.ts";
import type { InferenceRequest, ModelSpec } from "../../../src/service/contract/models.ts";
import { ModelManager, type ModelManagerOptions } from "../../../src/service/model-manager.ts";
import { FakeEngine } from "../../support/fake-engine.ts";

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "modelport-manager-"));
  for (const name of ["a.onnx", "b.onnx", "junk.onnx"]) await writeFile(join(root, name), "x");
});
after(() => rm(root, { recursive: true, force: true }));

const MiB = 1024 * 1024;
const forever = new AbortController().signal;
const spec = (id: string, path = "a.onnx"): ModelSpec => ({ id, type: "mt:onnx", path, key: "" });
const one: InferenceRequest = {
  version: "",
  inputs: [{ name: "x", datatype: "FP32", shape: [1], data: new Uint8Array(4) }],
  outputs: [],
};

function setUp(options: Partial<ModelManagerOptions> = {}, engine = new FakeEngine()) {
  const manager = new ModelManager(
    { engine, safePath: new SafePath([root]), log: createLogger("silent") },
    {
      capacityBytes: 1000,
      loadingConcurrency: 2,
      loadTimeoutMs: 20_000,
      defaultModelBytes: 100,
      modelSizeMultiplier: undefined,
      limitPerModelConcurrency: 0,
      runtimeVersion: "test",
      drainTimeoutMs: 20_000,
      modelRepository: undefined,
      lifecycleOwner: "auto",
      ...options,
    },
  );
  return { manager, engine };
}

/** Lets everything that needs no outside event happen, the file system's answers included. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await setImmediate();
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  await settle();
  const open = Symbol("open");
  return (await Promise.race([promise.catch(() => {}), Promise.resolve(open)])) === open;
}

async function loaded(manager: ModelManager, engine: FakeEngine, id: string, path = "a.onnx") {
  const count = engine.loads.length + 1;
  const answer = manager.load(spec(id, path), forever);
  const model = (await engine.nthLoad(count)).finish();
  await answer;
  return model;
}

describe("loading a model", () => {
  it("answers with the measured size only when the engine has it", async () => {
    const { manager, engine } = setUp({ limitPerModelConcurrency: 3 });
    const answer = manager.load(spec("m"), forever);
    const load = await engine.nthLoad(1);
    assert.equal(await isPending(answer), true);
    assert.equal(manager.usedBytes, 100, "the estimate is reserved while it loads");
    load.finish(60);
    assert.deepEqual(await answer, { sizeBytes: 60, maxConcurrency: 3 });
    assert.equal(manager.size("m"), 60);
    assert.equal(manager.usedBytes, 60);
  });

  it("joins an identical load in flight, and answers a repeated one with the same size", async () => {
    const { manager, engine } = setUp();
    const first = manager.load(spec("m"), forever);
    const second = manager.load(spec("m"), forever);
    (await engine.nthLoad(1)).finish(77);
    assert.deepEqual(await first, await second);
    assert.equal((await manager.load(spec("m"), forever)).sizeBytes, 77);
    assert.equal(engine.loads.length, 1);
  });

  it("goes on while one of two callers still waits, and stops with the last", async () => {
    const { manager, engine } = setUp();
    const [one, two] = [new AbortController(), new AbortController()];
    const first = manager.load(spec("m"), one.signal);
    const second = manager.load(spec("m"), two.signal);
    const load = await engine.nthLoad(1);
    one.abort(new Error("first left"));
    await assert.rejects(first, /first left/);
    assert.equal(load.signal.aborted, false);
    two.abort(new Error("second left"));
    await assert.rejects(second, /second left/);
    assert.equal(load.signal.aborted, true);
    await settle();
    assert.deepEqual(manager.modelIds, []);
    assert.equal(manager.usedBytes, 0);
  });

  it("keeps the memory of a stopped load reserved until the engine has freed it", async () => {
    const { manager, engine } = setUp();
    engine.stopsAtOnce = false;
    const caller = new AbortController();
    const answer = manager.load(spec("m"), caller.signal);
    const load = await engine.nthLoad(1);
    caller.abort(new Error("gone"));
    await assert.rejects(answer, /gone/);
    const unload = manager.unload("m");
    assert.equal(await isPending(unload), true);
    assert.equal(manager.usedBytes, 100);
    load.stop();
    await unload;
    assert.equal(manager.usedBytes, 0);
  });

  it("frees a model that the engine finished in spite of the abort", async () => {
    const { manager, engine } = setUp();
    engine.stopsAtOnce = false;
    const caller = new AbortController();
    const answer = manager.load(spec("m"), caller.signal);
    const load = await engine.nthLoad(1);
    caller.abort(new Error("gone"));
    await assert.rejects(answer, /gone/);
    const model = load.finish();
    await manager.unload("m");
    assert.equal(model.unloadCount, 1);
    assert.throws(() => manager.size("m"), { kind: "model-not-found" });
  });

  it("never lets an old generation touch a newer one of the same id", async () => {
    const { manager, engine } = setUp();
    engine.stopsAtOnce = false;
    const caller = new AbortController();
    const cancelled = manager.load(spec("m"), caller.signal);
    const oldLoad = await engine.nthLoad(1);
    caller.abort(new Error("gone"));
    await assert.rejects(cancelled, /gone/);
    const unload = manager.unload("m");
    const again = manager.load(spec("m"), forever);
    assert.equal(await isPending(again), true, "waits for its predecessor");
    assert.equal(engine.loads.length, 1);
    oldLoad.finish();
    await unload;
    (await engine.nthLoad(2)).finish(50);
    assert.equal((await again).sizeBytes, 50);
    await settle();
    assert.equal(manager.isModelReady("m", ""), true);
    assert.equal(manager.usedBytes, 50);
  });

  it("replaces the model on another path, type or key", async () => {
    for (const other of [
      spec("m", "b.onnx"),
      { ...spec("m"), type: "onnx" },
      { ...spec("m"), key: "{}" },
    ]) {
      const { manager, engine } = setUp();
      const old = await loaded(manager, engine, "m");
      const answer = manager.load(other, forever);
      const load = await engine.nthLoad(2);
      assert.equal(old.unloadCount, 1, "the old one is gone before the new one loads");
      load.finish(10);
      await answer;
      assert.equal(manager.usedBytes, 10);
    }
  });

  it("keeps the old model if what would replace it cannot even be tried", async () => {
    const { manager, engine } = setUp();
    const old = await loaded(manager, engine, "m");
    await assert.rejects(manager.load(spec("m", "nothing.onnx"), forever), {
      kind: "failed-precondition",
    });
    engine.estimatedBytes = 1001;
    await assert.rejects(manager.load(spec("m", "b.onnx"), forever), { kind: "over-budget" });
    assert.equal(old.unloadCount, 0);
    assert.equal(manager.size("m"), 60);
  });

  it("keeps the old model if the caller of what would replace it leaves before it was read", async () => {
    const { manager, engine } = setUp();
    const old = await loaded(manager, engine, "m");
    const reading = Promise.withResolvers<ModelSource>();
    engine.inspect = () => reading.promise;
    const caller = new AbortController();
    const answer = manager.load(spec("m", "b.onnx"), caller.signal);
    await settle();
    caller.abort(new Error("gone"));
    await assert.rejects(answer, /gone/);
    assert.equal((await manager.load(spec("m"), forever)).sizeBytes, 60, "the old one serves");
    reading.resolve({
      format: "onnx",
      file: "b.onnx",
      identity: "b",
      filesIdentity: "b",
      diskBytes: 1,
      estimatedBytes: 100,
      plausibleBytes: 100,
      leastBytes: 100,
      isClear: true,
    });
    await settle();
    assert.equal(old.unloadCount, 0);
    assert.equal(manager.size("m"), 60);
  });

  it("fails the callers of a load that is replaced", async () => {
    const { manager, engine } = setUp();
    const first = manager.load(spec("m"), forever);
    await engine.nthLoad(1);
    const second = manager.load(spec("m", "b.onnx"), forever);
    await assert.rejects(first, { kind: "cancelled", message: /replaced/ });
    (await engine.nthLoad(2)).finish();
    await second;
    assert.equal(manager.isModelReady("m", ""), true);
  });

  it("refuses bad specs at once and keeps nothing of them", async () => {
    const { manager } = setUp();
    const cases: [ModelSpec, string, RegExp][] = [
      [spec(""), "invalid-argument", /modelId is empty/],
      [spec("é".repeat(513)), "invalid-argument", /1026 bytes long, expected at most 1024/],
      [spec("m", ""), "invalid-argument", /modelPath is empty/],
      [spec("m", "../a.onnx"), "invalid-argument", /outside the model directories/],
      [spec("m", "/etc/passwd"), "invalid-argument", /outside the model directories/],
      [spec("m", "a\0.onnx"), "invalid-argument", /NUL/],
      [spec("m", "none.onnx"), "failed-precondition", /'none.onnx' does not exist/],
      [spec("m", "a.onnx/b"), "failed-precondition", /does not exist/],
      [spec("m", `${"x".repeat(5000)}`), "invalid-argument", /is too long$/],
      [spec("m", "junk.onnx"), "invalid-argument", /not an ONNX model/],
      [{ ...spec("m"), type: "mt:sklearn:0" }, "invalid-argument", /'sklearn'.*not supported/],
      [{ ...spec("m"), key: '{"schema_path":7}' }, "invalid-argument", /schema_path/],
      [{ ...spec("m"), key: '{"model_type":{"name":"tf"}}' }, "invalid-argument", /'tf'/],
    ];
    for (const [bad, kind, message] of cases) {
      await assert.rejects(manager.load(bad, forever), { kind, message });
    }
    assert.deepEqual(manager.modelIds, []);
    assert.equal(manager.usedBytes, 0);
  });

  it("takes odd ids, and keys that are empty or no JSON", async () => {
    const { manager, engine } = setUp();
    for (const id of ["..", "a/../b", "a b", "🦊", "x".repeat(1024)]) {
      await loaded(manager, engine, id);
      assert.equal(manager.size(id), 60);
      await manager.unload(id);
    }
    for (const key of ["", "no json", "[]", "7", '{"model_type":"onnx:1.2","x":1}']) {
      const count = engine.loads.length + 1;
      const answer = manager.load({ ...spec("m"), type: "rt:any", key }, forever);
      (await engine.nthLoad(count)).finish();
      await answer;
      await manager.unload("m");
    }
  });

  it("starts from a clean slate after a failed load", async () => {
    const { manager, engine } = setUp();
    const answer = manager.load(spec("m"), forever);
    (await engine.nthLoad(1)).fail(new RuntimeError("load-failed", "unknown operator Foo"));
    await assert.rejects(answer, { kind: "load-failed", message: "unknown operator Foo" });
    assert.equal(manager.usedBytes, 0);
    assert.throws(() => manager.size("m"), { kind: "model-not-found" });
    await manager.unload("m");
    await loaded(manager, engine, "m");
    assert.equal(manager.size("m"), 60);
  });

  it("tries again after a fault that is not the model's, in a host of its own", async () => {
    const { manager, engine } = setUp();
    const answer = manager.load(spec("m"), forever);
    (await engine.nthLoad(1)).fail(new RuntimeError("host-lost", "engine host died"));
    const second = await engine.nthLoad(2);
    assert.equal(second.isolated, true);
    second.fail(new RuntimeError("temporarily-unavailable", "no process"));
    (await engine.nthLoad(3)).finish();
    await answer;
    assert.equal(manager.usedBytes, 60);
  });

  it("tries again beside others if something else killed the host, but not twice", async () => {
    const { manager, engine } = setUp();
    const answer = manager.load(spec("m"), forever);
    const killed = new RuntimeError("host-lost", "the engine host ended by SIGKILL");
    (await engine.nthLoad(1)).fail(new HostLostError("suspected", killed));
    const second = await engine.nthLoad(2);
    assert.equal(second.isolated, false);
    second.fail(new HostLostError("suspected", killed));
    const third = await engine.nthLoad(3);
    assert.equal(third.isolated, true);
    third.finish();
    await answer;
  });

  it("does not predict the memory of a host for a model that had one only to try again", async () => {
    const { manager, engine } = setUp({ capacityBytes: 10 * MiB });
    engine.estimatedBytes = 100_000;
    for (const sizeBytes of [2 * MiB, 20 * MiB]) {
      const answer = manager.load(spec("m"), forever);
      (await engine.nthLoad(engine.loads.length + 1)).fail(
        new RuntimeError("host-lost", "engine host died"),
      );
      (await engine.nthLoad(engine.loads.length + 1)).finish(sizeBytes);
      await answer.catch((error) => assert.equal(error.kind, "over-budget"));
      assert.equal(await manager.predictSize(spec("m")), 100_000);
      await manager.unload("m");
    }
    const answer = manager.load(spec("m"), forever);
    (await engine.nthLoad(engine.loads.length + 1)).finish(120_000);
    await answer;
    assert.equal(await manager.predictSize(spec("m")), 120_000);
  });

  it("predicts a default for what no load would take, which the load then refuses", async () => {
    const { manager } = setUp({ capacityBytes: 10 * MiB, defaultModelBytes: 3 * MiB });
    for (const change of [
      { path: "" },
      { path: "/etc/passwd" },
      { path: "../x" },
      { type: "mt:no" },
    ]) {
      const asked = { ...spec("m"), ...change };
      assert.equal(await manager.predictSize(asked), 3 * MiB, JSON.stringify(change));
      await assert.rejects(manager.load(asked, forever), { kind: "invalid-argument" });
    }
    await assert.rejects(manager.predictSize({ ...spec("m"), id: "" }), {
      kind: "invalid-argument",
    });
  });

  it("gives up after three attempts, and releases everything", async () => {
    const { manager, engine } = setUp();
    const answer = manager.load(spec("m"), forever);
    for (const attempt of [1, 2, 3]) {
      (await engine.nthLoad(attempt)).fail(new RuntimeError("host-lost", `death ${attempt}`));
    }
    await assert.rejects(answer, { kind: "host-lost", message: "death 3" });
    assert.equal(manager.usedBytes, 0);
    assert.deepEqual(manager.modelIds, []);
  });

  it("ends a load that takes too long, with its own message", async () => {
    const { manager, engine } = setUp({ loadTimeoutMs: 100 });
    const answer = manager.load(spec("m"), forever);
    await engine.nthLoad(1);
    await assert.rejects(answer, {
      kind: "deadline-exceeded",
      message: "model 'm' was not loaded within 90 ms (still loading)",
    });
    await manager.unload("m");
    assert.equal(manager.usedBytes, 0);
  });

  it("holds loads until the engine is up", async () => {
    const engine = new FakeEngine({ isUp: false });
    const { manager } = setUp({}, engine);
    const answer = manager.load(spec("m"), forever);
    assert.equal(await isPending(answer), true);
    assert.equal(engine.loads.length, 0);
    engine.up.resolve();
    (await engine.nthLoad(1)).finish();
    await answer;
  });

  it("runs no more loads at once than allowed", async () => {
    const { manager, engine } = setUp({ loadingConcurrency: 2 });
    const answers = ["a", "b", "c"].map((id) => manager.load(spec(id), forever));
    const first = await engine.nthLoad(2);
    await settle();
    assert.equal(engine.loads.length, 2);
    first.finish();
    (await engine.nthLoad(3)).finish();
    engine.loads[0]?.finish();
    await Promise.all(answers);
  });
});

describe("admission by memory", () => {
  it("lets a model be bigger than predicted, and predicts that from then on", async () => {
    const { manager, engine } = setUp();
    const answer = manager.load(spec("m"), forever);
    (await engine.nthLoad(1)).finish(950);
    assert.equal((await answer).sizeBytes, 950);
    assert.equal(manager.usedBytes, 950);
  });

  it("refuses a model that has turned out bigger than all that is free, with the figures", async () => {
    const { manager, engine } = setUp();
    const other = manager.load(spec("other"), forever);
    (await engine.nthLoad(1)).finish(60);
    await other;
    const answer = manager.load(spec("m"), forever);
    (await engine.nthLoad(2)).finish(950);
    await assert.rejects(answer, {
      kind: "over-budget",
      message: "model 'm' needs 0.000906 MiB, 0.000896 MiB of 0.000954 MiB are free",
    });
    assert.equal(manager.usedBytes, 60);
    assert.deepEqual(manager.modelIds, ["other"]);
  });

  it("refuses what can never fit, with the figures", async () => {
    const { manager, engine } = setUp();
    engine.estimatedBytes = 1001;
    await assert.rejects(manager.load(spec("m"), forever), {
      kind: "over-budget",
      message: "model 'm' needs 0.000955 MiB, more than the whole capacity of 0.000954 MiB",
    });
  });

  it("refuses what does not fit when nothing is about to come free", async () => {
    const { manager, engine } = setUp();
    await loaded(manager, engine, "m");
    engine.estimatedBytes = 950;
    await assert.rejects(manager.load(spec("n", "b.onnx"), forever), {
      kind: "over-budget",
      message: "model 'n' needs 0.000906 MiB, 0.000896 MiB of 0.000954 MiB are free",
    });
    assert.equal(manager.usedBytes, 60);
  });

  it("waits for an unload that is under way", async () => {
    const { manager, engine } = setUp();
    engine.freesAtOnce = false;
    const old = await loaded(manager, engine, "old");
    const unload = manager.unload("old");
    engine.estimatedBytes = 950;
    const answer = manager.load(spec("new", "b.onnx"), forever);
    assert.equal(await isPending(answer), true);
    old.free();
    await unload;
    (await engine.nthLoad(2)).finish(900);
    assert.equal((await answer).sizeBytes, 900);
  });

  it("refuses at last when the load that it waited for kept its memory", async () => {
    const { manager, engine } = setUp();
    engine.estimatedBytes = 600;
    const first = manager.load(spec("a"), forever);
    const load = await engine.nthLoad(1);
    const second = manager.load(spec("b"), forever);
    assert.equal(await isPending(second), true);
    load.finish(600);
    await first;
    await assert.rejects(second, { kind: "over-budget" });
    assert.equal(manager.usedBytes, 600);
  });
});

describe("unloading a model", () => {
  it("is fine with ids that are unknown, failed or unloaded already", async () => {
    const { manager, engine } = setUp();
    await manager.unload("never seen");
    await manager.unload("");
    await loaded(manager, engine, "m");
    await Promise.all([manager.unload("m"), manager.unload("m")]);
    await manager.unload("m");
    assert.equal(engine.loads.length, 1);
  });

  it("answers only when the memory is free", async () => {
    const { manager, engine } = setUp();
    engine.freesAtOnce = false;
    const model = await loaded(manager, engine, "m");
    const unload = manager.unload("m");
    assert.equal(await isPending(unload), true);
    assert.equal(manager.usedBytes, 60);
    model.free();
    await unload;
    assert.equal(manager.usedBytes, 0);
  });

  it("aborts a load in flight, and tells its caller", async () => {
    const { manager, engine } = setUp();
    const answer = manager.load(spec("m"), forever);
    await engine.nthLoad(1);
    const unload = manager.unload("m");
    await assert.rejects(answer, { kind: "cancelled", message: /unloaded while it was loading/ });
    await unload;
    assert.equal(manager.usedBytes, 0);
  });

  it("drops a load that still waits in the queue, without waiting behind others", async () => {
    const { manager, engine } = setUp({ loadingConcurrency: 1 });
    const busy = manager.load(spec("busy"), forever);
    const load = await engine.nthLoad(1);
    const waiting = manager.load(spec("m"), forever);
    await settle();
    const unload = manager.unload("m");
    await assert.rejects(waiting, { kind: "cancelled" });
    await unload;
    load.finish();
    await busy;
    await settle();
    assert.equal(engine.loads.length, 1);
  });

  it("lets inferences in flight finish and admits no new ones", async () => {
    const { manager, engine } = setUp();
    const model = await loaded(manager, engine, "m");
    const run = manager.infer("m", one, forever);
    await settle();
    const unload = manager.unload("m");
    await assert.rejects(manager.infer("m", one, forever), { kind: "model-not-found" });
    assert.equal(await isPending(unload), true);
    assert.equal(model.unloadCount, 0);
    model.runs[0]?.answer.resolve([]);
    assert.deepEqual(await run, { version: "", outputs: [] });
    await unload;
    assert.equal(model.unloadCount, 1);
  });

  it("aborts inferences that outlast the drain time", async () => {
    const { manager, engine } = setUp({ drainTimeoutMs: 20 });
    await loaded(manager, engine, "m");
    const run = manager.infer("m", one, forever);
    await settle();
    const unload = manager.unload("m");
    await assert.rejects(run, { kind: "aborted" });
    await unload;
    assert.equal(manager.leaseCount, 0);
    assert.equal(manager.usedBytes, 0);
  });

  it("makes a load of the same id wait, and then load afresh", async () => {
    const { manager, engine } = setUp();
    engine.freesAtOnce = false;
    const model = await loaded(manager, engine, "m");
    const unload = manager.unload("m");
    const again = manager.load(spec("m"), forever);
    await settle();
    assert.equal(engine.loads.length, 1);
    await assert.rejects(manager.infer("m", one, forever), { kind: "model-not-ready" });
    model.free();
    await unload;
    (await engine.nthLoad(2)).finish();
    await again;
  });
});

describe("runtimeStatus", () => {
  it("is not ready until the engine is", async () => {
    const engine = new FakeEngine({ isUp: false });
    const { manager } = setUp({}, engine);
    assert.deepEqual(await manager.status(), { ready: false });
    engine.up.resolve();
    await settle();
    assert.deepEqual(await manager.status(), {
      ready: true,
      capacityBytes: 1000,
      maxLoadingConcurrency: 2,
      loadTimeoutMs: 20_000,
      defaultModelBytes: 100,
      runtimeVersion: "test",
      limitModelConcurrency: false,
    });
  });

  it("first unloads every model, loading ones too, once for all callers", async () => {
    const { manager, engine } = setUp();
    const model = await loaded(manager, engine, "ready");
    const loading = manager.load(spec("loading"), forever);
    await engine.nthLoad(2);
    const answers = Promise.all([manager.status(), manager.status()]);
    await assert.rejects(loading, { kind: "cancelled", message: /runtimeStatus/ });
    assert.deepEqual(
      (await answers).map((status) => status.ready),
      [true, true],
    );
    assert.equal(model.unloadCount, 1);
    assert.deepEqual(manager.modelIds, []);
    assert.equal(manager.usedBytes, 0);
  });

  it("answers not ready while a purge takes long, and leaves later loads alone", async () => {
    const { manager, engine } = setUp();
    engine.freesAtOnce = false;
    const model = await loaded(manager, engine, "old");
    assert.deepEqual(await manager.status(), { ready: false });
    engine.freesAtOnce = true;
    model.free();
    await settle();
    assert.equal((await manager.status()).ready, true);
    await loaded(manager, engine, "new");
    assert.equal(manager.isModelReady("new"), true);
  });
});

describe("inference", () => {
  it("says not-found only for ids that are not here", async () => {
    const { manager, engine } = setUp();
    await assert.rejects(manager.infer("m", one, forever), {
      kind: "model-not-found",
      message: "model 'm' is not loaded",
    });
    assert.throws(() => manager.describe("m", ""), { kind: "model-not-found" });
    const answer = manager.load(spec("m"), forever);
    const load = await engine.nthLoad(1);
    await assert.rejects(manager.infer("m", one, forever), { kind: "model-not-ready" });
    load.finish();
    await answer;
    await assert.rejects(manager.infer("m", { version: "", inputs: [], outputs: [] }, forever), {
      kind: "invalid-argument",
    });
    assert.equal(manager.leaseCount, 0);
  });

  it("passes the caller's signal on, and gives its lease back when it aborts", async () => {
    const { manager, engine } = setUp();
    await loaded(manager, engine, "m");
    const caller = new AbortController();
    const run = manager.infer("m", one, caller.signal);
    await settle();
    assert.equal(manager.leaseCount, 1);
    caller.abort(new Error("client left"));
    await assert.rejects(run, /client left/);
    assert.equal(manager.leaseCount, 0);
  });
});

describe("the death of a host", () => {
  it("is invisible to a request that can be run again", async () => {
    const { manager, engine } = setUp();
    const model = await loaded(manager, engine, "m");
    const run = manager.infer("m", one, forever);
    await settle();
    model.die();
    const reload = await engine.nthLoad(2);
    assert.equal(reload.isolated, false);
    assert.equal(manager.size("m"), 60);
    const during = manager.infer("m", one, forever);
    const fresh = reload.finish(61);
    await settle();
    assert.equal(fresh.runs.length, 2);
    for (const { answer } of fresh.runs) answer.resolve([]);
    const empty = { version: "", outputs: [] };
    assert.deepEqual(await Promise.all([run, during]), [empty, empty]);
    assert.equal(manager.size("m"), 60, "as it was told");
    assert.equal(manager.leaseCount, 0);
  });

  it("is reported when the second attempt dies as well", async () => {
    const { manager, engine } = setUp();
    const model = await loaded(manager, engine, "m");
    const run = manager.infer("m", one, forever);
    await settle();
    model.die();
    const second = (await engine.nthLoad(2)).finish();
    await settle();
    second.die();
    await assert.rejects(run, { kind: "host-lost" });
    (await engine.nthLoad(3)).finish();
    await settle();
    assert.equal(manager.isModelReady("m", ""), true, "the model itself is back");
  });

  it("ends the model if it cannot be loaded again, so that ModelMesh loads it anew", async () => {
    const { manager, engine } = setUp();
    const model = await loaded(manager, engine, "m");
    model.die();
    const waiting = engine.nthLoad(2);
    const run = waiting.then(() => manager.infer("m", one, forever));
    (await waiting).fail(new RuntimeError("load-failed", "file is gone"));
    await assert.rejects(run, { kind: "load-failed" });
    await assert.rejects(manager.infer("m", one, forever), { kind: "model-not-found" });
    assert.equal(manager.usedBytes, 0);
  });

  it("does not keep an unload waiting", async () => {
    const { manager, engine } = setUp();
    const model = await loaded(manager, engine, "m");
    model.die();
    await engine.nthLoad(2);
    await manager.unload("m");
    assert.equal(manager.usedBytes, 0);
    assert.deepEqual(manager.modelIds, []);
  });

  it("frees a draining model's callers with one clear error", async () => {
    const { manager, engine } = setUp();
    const model = await loaded(manager, engine, "m");
    const run = manager.infer("m", one, forever);
    await settle();
    const unload = manager.unload("m");
    model.die();
    await assert.rejects(run, { kind: "aborted" });
    await unload;
    assert.equal(engine.loads.length, 1);
  });
});

describe("closing", () => {
  it("ends every model and refuses new loads", async () => {
    const { manager, engine } = setUp();
    const model = await loaded(manager, engine, "m");
    const loading = manager.load(spec("n"), forever);
    await engine.nthLoad(2);
    const closed = manager.close();
    await assert.rejects(loading, { kind: "shutting-down" });
    await closed;
    assert.equal(model.unloadCount, 1);
    assert.equal(manager.ready, false);
    await assert.rejects(manager.load(spec("m"), forever), { kind: "shutting-down" });
    assert.deepEqual(await manager.status(), { ready: false });
  });
});
