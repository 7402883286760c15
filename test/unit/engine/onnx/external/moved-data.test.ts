import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { moveData } from "../../../../../src/engine/onnx/external/moved-data.ts";
import { scanOnnxFile } from "../../../../../src/engine/onnx/graph/onnx-file.ts";
import { constant, encodeModel, type OnnxTensor } from "../../../../support/onnx-builder.ts";
import { addOne } from "../../../../support/onnx-models.ts";

const external = (name: string, externalFile: string): OnnxTensor => ({
  name,
  datatype: "FP32",
  shape: [1],
  content: { externalFile, sizeBytes: 4 },
});

/** Weights in the graph, in an attribute and in a subgraph, and some in the file itself. */
function model(): Uint8Array {
  const y = { name: "y", datatype: "FP32", shape: [1] } as const;
  const branch = (file: string) => ({
    graph: {
      inputs: [],
      outputs: [y],
      nodes: [{ op: "Identity", inputs: ["w"], outputs: ["y"] }],
      constants: [external("w", file)],
    },
  });
  return encodeModel({
    inputs: [{ name: "c", datatype: "BOOL", shape: [] }],
    outputs: [y],
    nodes: [
      {
        op: "Constant",
        inputs: [],
        outputs: ["k"],
        attributes: { value: { tensor: external("k", "./a/../k.bin") } },
      },
      {
        op: "If",
        inputs: ["c"],
        outputs: ["y"],
        attributes: { then_branch: branch("then.bin"), else_branch: branch("else.bin") },
      },
    ],
    constants: [
      external("big", "big.bin"),
      constant("inline", "FP32", [300], Array<number>(300).fill(7)),
    ],
  }).finish();
}

describe("a model whose data files have moved", () => {
  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "modelport-moved-"));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  async function locations(bytes: Uint8Array): Promise<string[]> {
    const file = join(directory, "model.onnx");
    await writeFile(file, bytes);
    await writeFile(join(directory, "four"), "1234");
    const found: string[] = [];
    await scanOnnxFile(file, (location) => {
      found.push(location);
      return join(directory, "four");
    });
    return found.sort();
  }

  it("names all of them below the folder that they have in common", async () => {
    const before = model();
    assert.deepEqual(await locations(before), ["big.bin", "else.bin", "k.bin", "then.bin"]);
    const long = "x".repeat(200);
    const { bytes, folder } = moveData(before, {
      "big.bin": `/models/blobs/${long}`,
      "k.bin": "/models/blobs/k",
      "then.bin": "/models/t/then.bin",
      "else.bin": "/models/e",
    });
    assert.equal(folder, "/models");
    assert.deepEqual(
      await locations(bytes),
      [`blobs/${long}`, "blobs/k", "e", "t/then.bin"].sort(),
    );
    // Everything else is as it was.
    const back = moveData(bytes, {
      [`blobs/${long}`]: "/m/big.bin",
      "blobs/k": "/m/k.bin",
      "t/then.bin": "/m/then.bin",
      e: "/m/else.bin",
    });
    assert.equal(back.folder, "/m");
    const plain = moveData(before, {
      "big.bin": "/m/big.bin",
      "k.bin": "/m/k.bin",
      "then.bin": "/m/then.bin",
      "else.bin": "/m/else.bin",
    });
    assert.deepEqual(Buffer.from(back.bytes), Buffer.from(plain.bytes));
  });

  it("may have them all over the machine, or a single one", async () => {
    const one = encodeModel({
      inputs: [],
      outputs: [],
      nodes: [],
      constants: [external("w", "w")],
    }).finish();
    const far = moveData(model(), {
      "big.bin": "/a/x",
      "k.bin": "/b/x",
      "then.bin": "/ab/x",
      "else.bin": "/a/y",
    });
    assert.equal(far.folder, "/");
    assert.deepEqual(await locations(far.bytes), ["a/x", "a/y", "ab/x", "b/x"]);
    const near = moveData(one, { w: "/blobs/1" });
    assert.equal(near.folder, "/blobs");
    assert.deepEqual(await locations(near.bytes), ["1"]);
  });

  it("is itself where there are none, and refused if it names another one or is damaged", () => {
    const bytes = addOne();
    assert.equal(moveData(bytes, { w: "/w" }).bytes, bytes);
    const refused = { kind: "load-failed", message: /^the model changed while it was loaded: / };
    assert.throws(() => moveData(model(), { "big.bin": "/a" }), refused);
    const whole = model();
    for (let length = 1; length < whole.length; length += 7) {
      const places = { "big.bin": "/1", "k.bin": "/2", "then.bin": "/3", "else.bin": "/4" };
      try {
        moveData(whole.subarray(0, length), places);
      } catch (error) {
        assert.equal((error as { kind?: string }).kind, "load-failed", String(error));
      }
    }
  });
});
