import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { packTexts } from "../../../src/base/packed-texts.ts";
import type { Tensor } from "../../../src/base/tensor.ts";
import type { ModelManagerOptions } from "../../../src/service/model-manager.ts";
import { FakeEngine, type FakeModel } from "../../support/fakes/fake-engine.ts";
import { FakeTextTarget, textFacts } from "../../support/fakes/fake-text-target.ts";
import {
  forever,
  isPending,
  loaded,
  settle,
  setUp as setUpManager,
} from "../../support/fakes/manager-fixture.ts";

const truncate = "error";

/** A manager whose engine loads models of embeddings. */
function setUp(options: Partial<ModelManagerOptions> = {}) {
  const engine = new FakeEngine();
  engine.metadata = {
    platform: "huggingface_huggingface",
    text: textFacts(),
    inputs: [{ name: "item", datatype: "BYTES", shape: [-1] }],
    outputs: [
      { name: "embedding", datatype: "FP32", shape: [-1, 8] },
      { name: "report", datatype: "BYTES", shape: [-1] },
    ],
  };
  return setUpManager(options, engine);
}

/** Answers what the model was asked so far, and has not answered. */
async function answer(model: FakeModel, from = 0): Promise<void> {
  const target = new FakeTextTarget();
  for (const { request, signal, answer: answering } of model.runs.slice(from)) {
    const { data, shape } = request.inputs[0] as Tensor;
    const { outputs } = request;
    const run = target.run(data, { rows: shape[0] ?? 0, outputs, signal, times: undefined });
    answering.resolve([...(await run)]);
  }
  await settle();
}

/** Answers everything until `promise` settles. */
async function answerAll<Result>(model: FakeModel, promise: Promise<Result>): Promise<Result> {
  for (let from = 0; await isPending(promise); ) {
    const asked = model.runs.length;
    await answer(model, from);
    from = asked;
  }
  return await promise;
}

function request(...texts: readonly string[]) {
  const data = packTexts(texts);
  const text: Tensor = { name: "text", datatype: "BYTES", shape: [texts.length], data };
  return { version: "", inputs: [text], outputs: [] };
}

describe("a text model", () => {
  it("shows clients its texts and embeddings, and serves them", async () => {
    const { manager, engine } = setUp();
    const model = await loaded(manager, engine, "m");
    const { inputs, outputs, text } = manager.describe("m", "");
    assert.deepEqual(
      [...inputs, ...outputs].map(({ name }) => name),
      ["text", "embedding"],
    );
    assert.deepEqual(manager.texts.facts("m"), text);
    assert.deepEqual(manager.texts.serving(), [{ id: "m", facts: text }]);
    const infer = manager.infer("m", request("a b", "c"), forever);
    const result = await answerAll(model, infer);
    assert.deepEqual(result.outputs[0]?.shape, [2, 8]);
    const embed = manager.texts.embed("m", { texts: ["a b", "c"], truncate }, forever);
    const { vectors } = await answerAll(model, embed);
    const { data } = result.outputs[0] as Tensor;
    const numbers = new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
    assert.deepEqual(
      vectors.flatMap((vector) => [...vector]),
      [...numbers],
    );
    assert.equal(manager.statistics("m")[0]?.success.count, 2);
    assert.equal(manager.leaseCount, 0);
  });

  it("is not unloaded before a large call has ended, all of whose pieces it answers", async () => {
    const { manager, engine } = setUp();
    const model = await loaded(manager, engine, "m");
    const texts = Array.from({ length: 1_000 }, (_, at) => `text ${at}`);
    const embed = manager.texts.embed("m", { texts, truncate }, forever);
    await settle();
    const unload = manager.unload("m");
    assert.ok(await isPending(unload));
    await assert.rejects(manager.texts.embed("m", { texts: ["a"], truncate }, forever), {
      kind: "model-not-found",
    });
    const { vectors } = await answerAll(model, embed);
    assert.equal(vectors.length, texts.length);
    await unload;
    assert.equal(model.unloadCount, 1);
  });

  it("gives its lease back when the caller leaves, and when a text is wrong", async () => {
    const { manager, engine } = setUp();
    await loaded(manager, engine, "m");
    const caller = new AbortController();
    const embed = manager.texts.embed("m", { texts: ["a"], truncate }, caller.signal);
    await settle();
    assert.ok(manager.leaseCount > 0);
    caller.abort();
    await assert.rejects(embed);
    await assert.rejects(manager.infer("m", request(""), forever), { kind: "invalid-argument" });
    assert.equal(manager.leaseCount, 0);
  });

  it("counts a call that the cache answers as a success that waited for nothing", async () => {
    const { manager, engine } = setUp({ embeddingCacheBytes: 100_000 });
    const model = await loaded(manager, engine, "m");
    const embed = (...texts: string[]) =>
      answerAll(model, manager.texts.embed("m", { texts, truncate }, forever));
    await embed("a");
    await embed("a");
    // One of its texts is new, so that it takes a run.
    await embed("a", "b");
    const [statistics] = manager.statistics("m");
    assert.equal(statistics?.cacheHit.count, 1);
    assert.equal(statistics.cacheMiss.count, 2);
    assert.equal(statistics.success.count, 3);
    assert.ok(statistics.lastInferenceMs > 0);
    assert.equal(manager.config("m", "").hasCache, true);
    const plain = setUp();
    await loaded(plain.manager, plain.engine, "m");
    assert.equal(plain.manager.config("m", "").hasCache, false);
  });

  it("has its vectors kept only while it is loaded, if there is a cache", async () => {
    const { manager, engine } = setUp({ embeddingCacheBytes: 100_000 });
    const model = await loaded(manager, engine, "m");
    const embed = () => manager.texts.embed("m", { texts: ["a"], truncate }, forever);
    const first = await answerAll(model, embed());
    assert.deepEqual(await embed(), first);
    assert.equal(model.runs.length, 1);
    const { embeddings } = manager.watch.metrics;
    assert.deepEqual(embeddings?.counts, { hits: 1, misses: 1 });
    assert.equal(embeddings.entries, 1);
    await manager.unload("m");
    await settle();
    assert.equal(embeddings.entries, 0);
  });
});

describe("a model that is no text model", () => {
  it("says so, and is called as ever", async () => {
    const { manager, engine } = setUpManager();
    await loaded(manager, engine, "m");
    assert.throws(() => manager.texts.facts("m"), {
      kind: "failed-precondition",
      message: /^model 'm' is not a text model/,
    });
    assert.deepEqual(manager.texts.serving(), []);
    await assert.rejects(manager.texts.embed("m", { texts: ["a"], truncate }, forever), {
      kind: "failed-precondition",
    });
    await assert.rejects(manager.texts.embed("n", { texts: ["a"], truncate }, forever), {
      kind: "model-not-found",
    });
  });
});
