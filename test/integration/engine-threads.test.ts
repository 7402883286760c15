import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { describe, it } from "node:test";
import { addOne } from "../support/models/simple-models.ts";
import { canMeasureTrees } from "../support/processes/process-tree.ts";
import { patientSettings, startEngine } from "../support/servers/engine-fixture.ts";
import { xgboostJson } from "../support/trees/xgboost-json.ts";

const MiB = 1024 * 1024;
/** Well above what one of these loads takes, on any machine, and far below the time limit of callers. */
const timeoutMs = 60_000;

describe("the threads of a model", { timeout: 2 * timeoutMs }, () => {
  it("are as many as cores at most, and the log says so once", {
    skip: !canMeasureTrees && "needs /proc",
  }, async (t) => {
    const warnings: unknown[] = [];
    const log = {
      debug() {},
      info() {},
      error() {},
      warn: (facts: object, message: string) => warnings.push({ ...facts, message }),
    };
    const { put, load } = await startEngine(t, { log });
    const path = await put("add.onnx", addOne());
    const { hostPid } = await load(path);
    const threadCount = async () => (await readdir(`/proc/${hostPid}/task`)).length;
    const before = await threadCount();
    const settings = { ...patientSettings, threads: 256 };
    await load(path, { settings });
    await load(path, { settings });
    const cores = availableParallelism();
    assert.equal((await threadCount()) - before, 2 * (cores - 1));
    const message = "model asked for more threads than there are cores";
    assert.deepEqual(warnings, [{ threads: 256, cores, message }]);
  });

  it("are one for a translated model in a host of its own, unless its settings say otherwise", {
    skip: !canMeasureTrees && "needs /proc",
  }, async (t) => {
    const { put, load } = await startEngine(t);
    const onnx = await put("add.onnx", addOne());
    const trees = await put("trees.json", xgboostJson({ leaf: 1 }));
    const threadsOf = async (path: string, threads: number) => {
      const settings = { ...patientSettings, threads };
      const { hostPid } = await load(path, { isolated: true, settings });
      return (await readdir(`/proc/${hostPid}/task`)).length;
    };
    const ofOne = await threadsOf(onnx, 1);
    const cores = availableParallelism();
    assert.equal((await threadsOf(onnx, 0)) - ofOne, cores - 1);
    assert.equal(await threadsOf(trees, 0), ofOne);
    assert.equal((await threadsOf(trees, 256)) - ofOne, cores - 1);
  });

  it("are counted by the cap of the host, with their stacks: any number of models loads", async (t) => {
    const { put, load } = await startEngine(t, { runMemoryBytes: 64 * MiB });
    const path = await put("add.onnx", addOne());
    const settings = { ...patientSettings, threads: 256 };
    const signal = AbortSignal.timeout(timeoutMs);
    for (let count = 0; count < 60; count++) await load(path, { settings, signal });
  });
});
