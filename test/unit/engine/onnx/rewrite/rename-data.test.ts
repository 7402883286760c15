import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { RuntimeError } from "../../../../../src/base/errors.ts";
import { scanOnnxFile } from "../../../../../src/engine/onnx/graph/scan-file.ts";
import { renameData } from "../../../../../src/engine/onnx/rewrite/rename-data.ts";
import { constant, encodeModel, type OnnxTensor } from "../../../../support/models/onnx-builder.ts";
import { addOne } from "../../../../support/models/simple-models.ts";
import { otherReadings } from "../../../../support/onnx/other-readings.ts";

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
        attributes: { value: { tensor: external("k", "k.bin") } },
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

/** Names by names. */
function renamed(bytes: Uint8Array, names: Readonly<Record<string, string>>): Uint8Array {
  const copy = renameData(bytes, (location) => {
    const name = names[location];
    if (name === undefined) throw new RuntimeError("load-failed", `no data file '${location}'`);
    return name;
  });
  assert.ok(copy);
  return copy;
}

describe("a model whose data files have other names", () => {
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

  it("has the new ones everywhere, and everything else as it was", async () => {
    const before = model();
    assert.deepEqual(await locations(before), ["big.bin", "else.bin", "k.bin", "then.bin"]);
    const long = "x".repeat(200);
    const bytes = renamed(before, {
      "big.bin": `blobs/${long}`,
      "k.bin": "k",
      "then.bin": "t/then.bin",
      "else.bin": "e",
    });
    assert.deepEqual(await locations(bytes), [`blobs/${long}`, "k", "e", "t/then.bin"].sort());
    const back = renamed(bytes, {
      [`blobs/${long}`]: "big.bin",
      k: "k.bin",
      "t/then.bin": "then.bin",
      e: "else.bin",
    });
    assert.deepEqual(Buffer.from(back), Buffer.from(before));
  });

  it("is none where no name changes, and fails as the names do", () => {
    const same = (location: string) => location;
    assert.equal(renameData(addOne(), same), undefined);
    const whole = model();
    assert.equal(renameData(whole, same), undefined);
    assert.throws(() => renamed(whole, { "big.bin": "a" }), { kind: "load-failed" });
  });

  it("is the same by its file", async () => {
    const file = join(directory, "named.onnx");
    await writeFile(file, model());
    const number = (location: string) => `${location}.1`;
    const byFile = renameData(file, number);
    assert.ok(byFile);
    assert.deepEqual(byFile, renameData(model(), number));
  });

  it("is refused if the file gets another name while it is read", async () => {
    const file = join(directory, "named.onnx");
    await writeFile(file, model());
    const other = Buffer.from(model());
    other.write("BIG", other.indexOf("big.bin"));
    const rename = (location: string) => {
      // The last of them: all have been read.
      if (location === "big.bin") writeFileSync(file, other);
      return location === "k.bin" ? "9" : location;
    };
    assert.throws(() => renameData(file, rename), {
      kind: "load-failed",
      message: /'BIG\.bin' is new/,
    });
  });

  it("is refused wherever it is cut off", () => {
    const whole = model();
    for (let length = 1; length < whole.length; length += 3) {
      try {
        renameData(whole.subarray(0, length), () => "somewhere/else");
      } catch (error) {
        assert.equal((error as { kind?: string }).kind, "load-failed", String(error));
      }
    }
  });

  for (const [what, bytes] of Object.entries(otherReadings("secret.bin"))) {
    it(`has no name left that another parser might see: ${what}`, () => {
      const asked: string[] = [];
      let left: Uint8Array = new Uint8Array();
      try {
        const found = renameData(bytes, (location) => {
          asked.push(location);
          return "x";
        });
        assert.ok(found);
        left = found;
      } catch (error) {
        assert.equal((error as { kind?: string }).kind, "load-failed", String(error));
      }
      assert.ok(!Buffer.from(left).includes("secret.bin"), asked.join());
    });
  }
});
