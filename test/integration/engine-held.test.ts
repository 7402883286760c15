import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { zeroInputs } from "../../src/engine/child/warm-up.ts";
import type { LoadedModel } from "../../src/engine/contract/engine.ts";
import { returnsFreeMemory } from "../../src/engine/process/free-memory.ts";
import { identity } from "../support/models/simple-models.ts";
import { node, shortModel } from "../support/onnx/short-graph.ts";
import { privateBytesOf } from "../support/processes/process-tree.ts";
import { untilHeld } from "../support/processes/until-held.ts";
import {
  forever,
  inspectAt,
  patientSettings,
  startEngine,
} from "../support/servers/engine-fixture.ts";

const MiB = 1024 * 1024;

/** By so much the heap of JavaScript in a host, and what a library keeps of its first big run, move for reasons of
 *  their own. With an arena these models held 20 to 100 times as much after 256 rows. */
const noiseBytes = 4 * MiB;
const factors = { above: 1.02, below: 1 / 1.1 };

const fp32 = (...shape: number[]) => ({ fp32: shape });
/** Each takes 100 MiB and more for a run of 256 rows. */
const models = {
  convolutions: shortModel({
    inputs: { x: ["batch", 3, 48, 48] },
    constants: { a: fp32(32, 3, 3, 3), b: fp32(64, 32, 3, 3) },
    nodes: [
      node("c = Conv(x, a)", { pads: [1, 1, 1, 1] }),
      node("d = Relu(c)"),
      node("e = Conv(d, b)", { pads: [1, 1, 1, 1] }),
      node("y = GlobalAveragePool(e)"),
    ],
  }),
  LSTM: shortModel({
    inputs: { x: ["batch", 64, 64] },
    constants: { w: fp32(1, 512, 64), r: fp32(1, 512, 128) },
    nodes: [
      node("t = Transpose(x)", { perm: [1, 0, 2] }),
      node("o, y = LSTM(t, w, r)", { hidden_size: 128 }),
    ],
  }),
  attention: shortModel({
    inputs: { x: ["batch", 256, 64] },
    constants: { q: fp32(64, 64), k: fp32(64, 64) },
    nodes: [
      node("a = MatMul(x, q)"),
      node("b = MatMul(x, k)"),
      node("c = Transpose(b)", { perm: [0, 2, 1] }),
      node("s = MatMul(a, c)"),
      node("p = Softmax(s)", { axis: -1 }),
      node("o = MatMul(p, x)"),
      node("y = ReduceMean(o)", { axes: [1] }),
    ],
  }),
};

async function run(model: LoadedModel, rows: number): Promise<void> {
  const inputs = zeroInputs(model.metadata.inputs, rows);
  assert.ok(inputs !== undefined);
  await model.infer({ inputs, outputs: ["y"] }, forever);
}

describe("what a model holds between runs", { timeout: 120_000 }, () => {
  // Elsewhere the allocator decides.
  const skip = !returnsFreeMemory();

  for (const [name, bytes] of Object.entries(models)) {
    for (const ownHost of [false, true]) {
      const where = ownHost ? "a host of its own" : "a shared host";
      it(`is what was reported, after runs of any rows: ${name} in ${where}`, {
        skip,
      }, async (t) => {
        const { model, baseBytes } = await loadInto(t, bytes, ownHost);
        const held = async () => (await privateBytesOf(model.hostPid)) - baseBytes;
        const { sizeBytes } = model;
        for (const rows of [1, 8, 64, 256, 1]) {
          for (let count = 0; count < 2; count++) await run(model, rows);
          let bytes = 0;
          await untilHeld(`${sizeBytes} bytes after ${rows} rows`, async () => {
            bytes = await held();
            return (
              bytes <= factors.above * sizeBytes + noiseBytes &&
              bytes >= factors.below * sizeBytes - noiseBytes
            );
          }).catch((error: Error) => assert.fail(`${error.message}, but ${bytes}`));
          assert.equal(model.sizeBytes, sizeBytes);
        }
      });
    }
  }
});

/** `baseBytes`: of the host without the model, if that is not in its size. */
async function loadInto(t: TestContext, bytes: Uint8Array, ownHost: boolean) {
  // No joins, and no limit but that of the test.
  const { engine, put, load } = await startEngine(t, { runMemoryBytes: 2048 * MiB });
  const warm = await load(await put("identity.onnx", identity("FP32")));
  for (let count = 0; count < 10; count++) await run(warm, 64);
  await warm.unload();
  const shared = engine.hosts().find(({ kind }) => kind === "shared");
  assert.ok(shared !== undefined);
  let baseBytes = await privateBytesOf(shared.pid);
  let sameLooks = 0;
  // For longer than a host waits before it gives memory back.
  await untilHeld("what an idle host does", async () => {
    const before = baseBytes;
    baseBytes = await privateBytesOf(shared.pid);
    sameLooks = Math.abs(baseBytes - before) < 64 * 1024 ? sameLooks + 1 : 0;
    return sameLooks >= 20;
  });
  const source = await inspectAt(engine, await put("model.onnx", bytes), undefined);
  const settings = patientSettings;
  const options = { signal: forever, isolated: false, ownHost, settings };
  const model = await engine.load(source, options);
  return { model, baseBytes: ownHost ? 0 : baseBytes };
}
