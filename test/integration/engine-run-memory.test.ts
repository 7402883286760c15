import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "node:test";
import type { LoadedModel } from "../../src/engine/engine.ts";
import { forever, startEngine } from "../support/engine-fixture.ts";
import { encodeModel } from "../support/onnx-builder.ts";
import { privateBytesOf } from "../support/process-tree.ts";

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

describe("the memory of runs", { timeout: 120_000 }, () => {
  it("stays within its budget over all hosts, and everybody is answered", async (t) => {
    const runMemoryBytes = Number(process.env["B"] ?? 200) * MiB;
    const { engine, put, load } = await startEngine(t, { runMemoryBytes, dedicatedMinBytes: 1 });
    const models = await Promise.all(
      Array.from({ length: 5 }, async (_, at) => load(await put(`${at}.onnx`, widens(2048)))),
    );
    const sum = async () =>
      (await Promise.all(engine.hosts().map(({ pid }) => privateBytesOf(pid)))).reduce(
        (a, b) => a + b,
      );
    const before = await sum();
    console.log(
      "before",
      before / MiB,
      models.map((m) => m.sizeBytes / MiB),
    );
    let peak = 0;
    let done = false;
    const watching = (async () => {
      while (!done) {
        const s = await sum();
        if (s > peak) {
          peak = s;
        }
        await sleep(3);
      }
    })();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        infer(models[at % 5] as LoadedModel, 4000 + 500 * (at % 4)),
      ),
    );
    console.log("admitted max", engine.runMemory);
    done = true;
    await watching;
    console.log({ peak: peak / MiB, after: (await sum()) / MiB }, answers);
    assert.ok(peak > 0);
  });
});
