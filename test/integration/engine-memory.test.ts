import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { defaultRunSettings } from "../../src/config/run-settings.ts";
import { failsAtRun } from "../support/models/failing-models.ts";
import { hiddenBomb } from "../support/models/heavy-models.ts";
import { writeWeightsModel } from "../support/models/layered-models.ts";
import { encodeModel } from "../support/models/onnx-builder.ts";
import { addOne, identity } from "../support/models/simple-models.ts";
import { privateBytesOf } from "../support/processes/process-tree.ts";
import { untilHeld } from "../support/processes/until-held.ts";
import { forever, startEngine } from "../support/servers/engine-fixture.ts";

const MiB = 1024 * 1024;

const x = { name: "x", datatype: "FP32", shape: [1, 4] } as const;

describe("a model that explodes when it runs", { timeout: 300_000 }, () => {
  for (const isolated of [false, true]) {
    it(`fails by itself, and its host lives on (isolated: ${isolated})`, async (t) => {
      const { put, load } = await startEngine(t);
      const model = await load(await put("bomb.onnx", hiddenBomb()), { isolated });
      const neighbour = await load(await put("identity.onnx", identity("FP32")));
      const run = async () =>
        model.infer({ inputs: [{ ...x, data: new Uint8Array(16) }], outputs: ["y"] }, forever);
      await assert.rejects(run, { kind: "over-budget", message: /needs more memory than/ });
      await assert.rejects(run, { kind: "over-budget" });
      assert.ok((await privateBytesOf(model.hostPid)) < 200 * MiB);
      const inputs = [{ ...x, data: new Uint8Array(16).fill(7) }];
      const [y] = await neighbour.infer({ inputs, outputs: ["y"] }, forever);
      assert.deepEqual(y?.data, inputs[0]?.data);
    });
  }

  it("runs where the limit is off or wide enough", async (t) => {
    for (const runMemoryBytes of [0, 1024 * MiB]) {
      const { put, load } = await startEngine(t, { runMemoryBytes });
      const model = await load(await put("bomb.onnx", hiddenBomb(300 * MiB)));
      const inputs = [{ ...x, data: new Uint8Array(16) }];
      const [y] = await model.infer({ inputs, outputs: ["y"] }, forever);
      assert.equal(y?.shape[1], 4);
    }
  });
});

describe("a model of one big matrix", { timeout: 300_000 }, () => {
  it("loads although its weights are there twice for a moment", async (t) => {
    // With next to nothing for runs, so that the cap of the host is what its load may take.
    const { put, load } = await startEngine(t, { runMemoryBytes: MiB });
    const side = 6000;
    const model = encodeModel({
      inputs: [{ name: "x", datatype: "FP32", shape: ["batch", side] }],
      outputs: [{ name: "y", datatype: "FP32", shape: ["batch", side] }],
      nodes: [{ op: "MatMul", inputs: ["x", "w"], outputs: ["y"] }],
      constants: [
        {
          name: "w",
          datatype: "FP32",
          shape: [side, side],
          content: { raw: new Uint8Array(4 * side * side) },
        },
      ],
    }).finish();
    const { sizeBytes } = await load(await put("matrix.onnx", model));
    const weightBytes = 4 * side * side;
    assert.ok(sizeBytes > weightBytes && sizeBytes < 1.5 * weightBytes, String(sizeBytes));
  });
});

describe("the size of a model", { timeout: 300_000 }, () => {
  it("is what it holds between runs, not what a run takes that is gone after it", async (t) => {
    const { directory, load } = await startEngine(t, { dedicatedMinBytes: 1024 * MiB });
    const path = join(directory, "quantized.onnx");
    // 2 MiB in the file, 8 MiB dequantized at every run.
    await writeWeightsModel(path, 2 * MiB, "INT8");
    const cold = await load(path, { settings: { ...defaultRunSettings, warmupBatchSize: 0 } });
    const warm = await load(path);
    for (const { sizeBytes } of [cold, warm]) {
      assert.ok(sizeBytes > 2 * MiB && sizeBytes < 4 * MiB, String(sizeBytes));
    }
  });

  it("leaves out what the file does not tell of runs", async (t) => {
    const { put, load } = await startEngine(t);
    const model = await load(await put("bomb.onnx", hiddenBomb(24 * MiB)));
    assert.ok(model.sizeBytes < 2 * MiB, String(model.sizeBytes));
  });

  it("of many tiny models is the same for each, whatever the host takes for itself", async (t) => {
    const { put, load } = await startEngine(t);
    const path = await put("add.onnx", addOne());
    const sizes: number[] = [];
    for (let count = 0; count < 200; count++) sizes.push((await load(path)).sizeBytes);
    const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
    assert.ok(least > 60 * 1024 && most < 1.3 * least, `${least} to ${most}`);
  });

  it("is what the system says of a host of its own", async (t) => {
    const { directory, load } = await startEngine(t);
    const path = join(directory, "quantized.onnx");
    await writeWeightsModel(path, 12 * MiB, "INT8");
    const model = await load(path);
    const width = model.metadata.inputs[0]?.shape[1] ?? 0;
    const x = { name: "x", datatype: "FP32", shape: [1, width] } as const;
    for (let run = 0; run < 3; run++) {
      const inputs = [{ ...x, data: new Uint8Array(4 * width) }];
      await model.infer({ inputs, outputs: ["y"] }, forever);
    }
    const ratio = async () => model.sizeBytes / (await privateBytesOf(model.hostPid));
    await untilHeld("what was reported", async () => {
      const found = await ratio();
      return found > 0.97 && found < 1.1;
    });
  });

  it("is known also of models that strings and failing runs make hard to warm up", async (t) => {
    const { put, load } = await startEngine(t);
    const strings = await load(await put("strings.onnx", identity("BYTES")));
    const failing = await load(await put("failing.onnx", failsAtRun()));
    assert.ok(strings.sizeBytes > 0 && failing.sizeBytes > 0);
  });
});
