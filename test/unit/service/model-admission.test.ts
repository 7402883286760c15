import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  forever,
  isPending,
  loaded,
  one,
  settle,
  setUp,
  spec,
} from "../../support/fakes/manager-fixture.ts";

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
