import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { inspectOnnxFile } from "../../../../../src/engine/onnx/memory/footprint.ts";
import { bomb } from "../../../../support/models/heavy-models.ts";
import { conv, mlp, weights } from "../../../../support/models/layered-models.ts";
import { ProtobufWriter } from "../../../../support/models/protobuf-writer.ts";
import { addOne } from "../../../../support/models/simple-models.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

let directory = "";
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "modelport-footprint-"));
});
after(() => rm(directory, { recursive: true, force: true }));

async function footprint(bytes: Uint8Array) {
  const file = join(directory, "model.onnx");
  await writeFile(file, bytes);
  return inspectOnnxFile(file);
}

const iris = new URL("../../../../../examples/models/iris/1/model.onnx", import.meta.url);

describe("the footprint of an ONNX model", () => {
  for (const [datatype, factor] of [
    ["FP32", 1],
    ["FP64", 1],
    // As they are: what a run dequantizes is gone after it.
    ["INT8", 1],
    ["FP16", 2],
  ] as const) {
    it(`is ${factor} times the weights for ${datatype}, and little more`, async () => {
      const found = await footprint(weights({ bytes: 8 * MiB, datatype }));
      assert.ok(found.isClear);
      const least = factor * 8 * MiB;
      assert.ok(found.usualBytes > least && found.usualBytes < least + 2 * MiB);
      assert.ok(found.loadedBytes > found.usualBytes);
      assert.ok(found.loadedBytes <= 1.3 * found.usualBytes);
    });
  }

  it("is no less than an idle session for a small model", async () => {
    const { leastBytes, usualBytes } = await inspectOnnxFile(fileURLToPath(iris));
    assert.ok(leastBytes >= 60 * 1024 && leastBytes <= usualBytes, `${leastBytes}, ${usualBytes}`);
  });

  it("allows for every node", async () => {
    const nodes = Array.from({ length: 1000 }, () => new ProtobufWriter().text(4, "Relu"));
    const graph = new ProtobufWriter().messages(1, nodes);
    const { usualBytes } = await footprint(new ProtobufWriter().message(7, graph).finish());
    assert.ok(usualBytes >= 3 * MiB * 0.9, String(usualBytes));
  });

  it("asks for no runs of a tiny model, which would take longer than its load", async () => {
    assert.equal((await footprint(addOne())).warmupRows, 0);
  });

  it("asks for as many rows as requests are joined into, where they take little", async () => {
    const model = mlp({ inputs: 256, hidden: 448, outputs: 10 });
    assert.equal((await footprint(model)).warmupRows, 64);
  });

  it("asks for fewer where they take much", async () => {
    const { warmupRows } = await footprint(conv());
    assert.ok(warmupRows >= 3 && warmupRows < 64, String(warmupRows));
  });

  it("has the values between nodes in it, by their shapes", async () => {
    const { usualBytes, runBytes, isClear } = await footprint(bomb());
    assert.ok(isClear && runBytes > 1.5 * 1024 * MiB, String(runBytes));
    assert.ok(usualBytes < MiB, String(usualBytes));
  });

  it("is not clear where nobody can tell what an operator gives", async () => {
    const sequence = new ProtobufWriter().text(1, "x").text(2, "y").text(4, "SplitToSequence");
    const graph = new ProtobufWriter().message(1, sequence);
    const found = await footprint(new ProtobufWriter().message(7, graph).finish());
    assert.equal(found.isClear, false);
    assert.equal(found.warmupRows, 3);
  });
});
