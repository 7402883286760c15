import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LoadedModel } from "../../src/engine/contract/engine.ts";
import { addConstant, addOne } from "../support/models/simple-models.ts";
import {
  forever,
  fp32,
  fp32Values,
  isRunning,
  startEngine,
  until,
} from "../support/servers/engine-fixture.ts";

const MiB = 2 ** 20;
/** Hosts give free memory back through Node's SQLite loader. Without it, 500 small models leave 20 MiB or more
 *  behind. */
const settings = {
  maxWasteBytes: 8 * MiB,
  wasteIntervalMs: 100,
  environment: { NODE_OPTIONS: "--no-experimental-sqlite" },
};
const passingCount = 500;

async function runs(model: LoadedModel): Promise<number[]> {
  const inputs = [fp32("x", [1, 4], [1, 2, 3, 4])];
  const [y] = await model.infer({ inputs, outputs: ["y"] }, forever);
  return fp32Values(y);
}

describe("a shared host that wastes memory", { timeout: 300_000 }, () => {
  it("is replaced, while its models answer every request", async (t) => {
    const { engine, put, load, settled } = await startEngine(t, settings);
    await settled(1);
    const kept = await Promise.all(
      [1, 2, 3].map(async (amount) => load(await put(`${amount}.onnx`, addConstant(amount)))),
    );
    const path = await put("add.onnx", addOne());
    const passing = await Promise.all(Array.from({ length: passingCount }, () => load(path)));
    const former = kept[0]?.hostPid ?? 0;
    let isOver = false;
    let answers = 0;
    const traffic = kept.map(async (model, index) => {
      const amount = index + 1;
      while (!isOver) {
        assert.deepEqual(
          await runs(model),
          [1, 2, 3, 4].map((value) => value + amount),
        );
        answers++;
      }
    });
    // Small blocks, which the allocator keeps.
    await Promise.all(passing.map((model) => model.unload()));
    await until("the models have moved", () => kept.every(({ hostPid }) => hostPid !== former));
    await until("the former host has ended", () => !isRunning(former));
    const answersBefore = answers;
    await until("the models answer", () => answers > answersBefore + 10);
    isOver = true;
    await Promise.all(traffic);
    for (const model of kept) {
      assert.equal(await Promise.race([model.lost, Promise.resolve("held")]), "held");
    }
    await settled(1);
    assert.equal(engine.hosts().find(({ kind }) => kind === "shared")?.models, kept.length);
    const successor = kept[0]?.hostPid ?? 0;
    process.kill(successor, "SIGKILL");
    for (const model of kept) assert.equal((await model.lost).kind, "host-lost");
  });

  it("ends a model that is unloaded while it moves", async (t) => {
    const { engine, put, load, settled } = await startEngine(t, settings);
    await settled(1);
    const path = await put("add.onnx", addOne());
    const models = await Promise.all(Array.from({ length: passingCount }, () => load(path)));
    const former = models[0]?.hostPid ?? 0;
    await Promise.all(models.slice(50).map((model) => model.unload()));
    await until("a model has moved", () => models.some(({ hostPid }) => hostPid !== former));
    await Promise.all(models.slice(0, 50).map((model) => model.unload()));
    await until("the former host has ended", () => !isRunning(former));
    await settled(1);
    assert.ok(engine.hosts().every((host) => host.models === 0));
    for (const model of models) await assert.rejects(runs(model), { kind: "aborted" });
  });

  it("stays if that is allowed", async (t) => {
    const { put, load, settled } = await startEngine(t, { ...settings, maxWasteBytes: 0 });
    await settled(1);
    const path = await put("add.onnx", addOne());
    const models = await Promise.all(Array.from({ length: passingCount }, () => load(path)));
    const [kept, ...passing] = models;
    const former = kept?.hostPid;
    await Promise.all(passing.map((model) => model.unload()));
    await new Promise((resolve) => setTimeout(resolve, 10 * settings.wasteIntervalMs));
    assert.equal(kept?.hostPid, former);
  });
});
