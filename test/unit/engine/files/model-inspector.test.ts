import assert from "node:assert/strict";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { knownFormat } from "../../../../src/engine/catalog.ts";
import type { ModelFormat } from "../../../../src/engine/contract/model-format.ts";
import { ModelInspector } from "../../../../src/engine/files/model-inspector.ts";
import { encodeModel } from "../../../support/models/onnx-builder.ts";

/** "y" = "x" plus weights that lie in weights.bin. */
function withWeightsBeside(): Uint8Array {
  return encodeModel({
    inputs: [{ name: "x", datatype: "FP32", shape: [4] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [4] }],
    nodes: [{ op: "Add", inputs: ["x", "w"], outputs: ["y"] }],
    constants: [
      {
        name: "w",
        datatype: "FP32",
        shape: [4],
        content: { externalFile: "weights.bin", sizeBytes: 16 },
      },
    ],
  }).finish();
}

describe("a look into the files of a model", () => {
  let directory: string;
  let file: string;
  let weights: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "modelport-inspector-"));
    file = join(directory, "model.onnx");
    weights = join(directory, "weights.bin");
    await writeFile(file, withWeightsBeside());
    await writeFile(weights, new Uint8Array(16));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  /** Counts how often the file itself is read. */
  function start() {
    const onnx = knownFormat("onnx");
    let reads = 0;
    const format: ModelFormat = {
      ...onnx,
      inspect(path) {
        reads++;
        return onnx.inspect(path);
      },
    };
    const inspector = new ModelInspector();
    return { look: () => inspector.inspect(format, { file }), reads: () => reads };
  }

  it("tells the bytes of all, and is not taken twice while nothing changes", async () => {
    const { look, reads } = start();
    const first = await look();
    assert.equal(first.diskBytes, withWeightsBeside().length + 16);
    assert.deepEqual(await look(), first);
    assert.equal(reads(), 1);
  });

  it("is taken again when what lies beside the file has changed", async () => {
    const { look, reads } = start();
    const first = await look();
    await utimes(weights, new Date(0), new Date(0));
    const second = await look();
    assert.notEqual(second.filesIdentity, first.filesIdentity);
    assert.equal(reads(), 2);
    await writeFile(weights, new Uint8Array(20));
    assert.equal((await look()).diskBytes, first.diskBytes + 4);
    assert.equal(reads(), 3);
  });

  it("says what is missing, also of a file that was whole before", async () => {
    const { look } = start();
    await writeFile(weights, new Uint8Array(16));
    await look();
    await rm(weights);
    await assert.rejects(look(), { kind: "failed-precondition", message: /weights\.bin/ });
  });
});
