import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RuntimeError } from "../../../src/base/errors.ts";
import { FakeEngine } from "../../support/fakes/fake-engine.ts";
import { forever, loaded, one, settle, setUp, spec } from "../../support/fakes/manager-fixture.ts";

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
