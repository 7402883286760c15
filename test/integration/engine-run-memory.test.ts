import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Engine, LoadedModel } from "../../src/engine/contract/engine.ts";
import { encodeModel } from "../support/models/onnx-builder.ts";
import { privateBytesOf } from "../support/processes/process-tree.ts";
import { forever, startEngine } from "../support/servers/engine-fixture.ts";

const MiB = 1024 * 1024;
const width = 16;

/** "x" FP32 [N,16] -> "y" FP32 [N,4], by way of `hidden` columns: 4 bytes each for every row. */
function widens(hidden: number): Uint8Array {
  const weights = (rows: number, columns: number) => new Uint8Array(4 * rows * columns);
  return encodeModel({
    inputs: [{ name: "x", datatype: "FP32", shape: ["N", width] }],
    outputs: [{ name: "y", datatype: "FP32", shape: ["N", 4] }],
    nodes: [
      { op: "MatMul", inputs: ["x", "in"], outputs: ["wide"] },
      { op: "Sin", inputs: ["wide"], outputs: ["waves"] },
      { op: "MatMul", inputs: ["waves", "out"], outputs: ["y"] },
    ],
    constants: [
      {
        name: "in",
        datatype: "FP32",
        shape: [width, hidden],
        content: { raw: weights(width, hidden) },
      },
      { name: "out", datatype: "FP32", shape: [hidden, 4], content: { raw: weights(hidden, 4) } },
    ],
  }).finish();
}

async function infer(model: LoadedModel, rows: number): Promise<number> {
  const data = new Uint8Array(4 * width * rows);
  const x = { name: "x", datatype: "FP32", shape: [rows, width], data } as const;
  const [y] = await model.infer({ inputs: [x], outputs: ["y"] }, forever);
  return y?.shape[0] ?? 0;
}

/** Of all hosts together. */
async function privateBytes(engine: Engine): Promise<number> {
  const bytes = await Promise.all(engine.hosts().map(({ pid }) => privateBytesOf(pid)));
  return bytes.reduce((sum, each) => sum + each, 0);
}

describe("the memory of runs", { timeout: 120_000 }, () => {
  it("stays within its budget over all hosts, and everybody is answered", async (t) => {
    const runMemoryBytes = 128 * MiB;
    const { engine, put, load } = await startEngine(t, { runMemoryBytes, dedicatedMinBytes: 1 });
    const models: LoadedModel[] = [];
    for (const name of ["a", "b", "c"]) models.push(await load(await put(name, widens(2048))));
    const restingBytes = await privateBytes(engine);
    const runs = Array.from({ length: 12 }, (_, at) => {
      // Some 70 to 100 MiB each, so that no two fit beside each other.
      const rows = 4000 + 500 * (at % 4);
      return infer(models[at % 3] as LoadedModel, rows).then((answered) => [answered, rows]);
    });
    let areOver = false;
    const all = Promise.all(runs).finally(() => {
      areOver = true;
    });
    let peakBytes = 0;
    let mostAdmitted = 0;
    while (!areOver) {
      peakBytes = Math.max(peakBytes, await privateBytes(engine));
      mostAdmitted = Math.max(mostAdmitted, engine.runMemory?.admittedBytes ?? 0);
    }
    for (const [answered, rows] of await all) assert.equal(answered, rows);
    assert.ok(mostAdmitted > 60 * MiB && mostAdmitted <= runMemoryBytes, String(mostAdmitted));
    const takenMiB = (peakBytes - restingBytes) / MiB;
    // For what the heaps of four hosts move by.
    assert.ok(takenMiB <= 128 + 32, `${takenMiB} MiB of 128`);
    assert.equal(engine.runMemory?.waitingCount, 0);
    assert.equal(engine.hostCounts.ends.killed, 0);
  });

  it("is refused to a run that can never have enough, with the figures of that run", async (t) => {
    const { engine, put, load } = await startEngine(t, { runMemoryBytes: 64 * MiB });
    const model = await load(await put("wide.onnx", widens(2048)));
    await assert.rejects(infer(model, 20_000), {
      kind: "over-budget",
      message:
        /^a run of these shapes needs about \d{3} MiB, and all runs together may take 64 MiB: .* RUN_MEMORY_BYTES$/,
    });
    assert.equal(await infer(model, 1000), 1000);
    assert.equal(engine.runMemory?.refusedCount, 1);
  });
});
