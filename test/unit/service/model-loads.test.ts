import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RuntimeError } from "../../../src/base/errors.ts";
import type { ModelSource } from "../../../src/engine/contract/engine.ts";
import { HostLostError } from "../../../src/engine/contract/host-lost-error.ts";
import type { ModelSpec } from "../../../src/service/contract/models.ts";
import { FakeEngine } from "../../support/fakes/fake-engine.ts";
import {
  forever,
  isPending,
  loaded,
  MiB,
  settle,
  setUp,
  spec,
} from "../../support/fakes/manager-fixture.ts";

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
