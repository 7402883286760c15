import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { scanOnnxFile } from "../../../../../src/engine/onnx/graph/scan-file.ts";
import { GraphBuilder } from "../../../../../src/engine/onnx/write/graph-builder.ts";
import { scalar } from "../../../../../src/engine/onnx/write/graph-tensor.ts";

describe("a graph that is written", () => {
  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "modelport-write-"));
  });
  after(() => rm(directory, { recursive: true }));

  async function scan(graph: GraphBuilder) {
    const file = join(directory, "model.onnx");
    await writeFile(file, graph.finish());
    return scanOnnxFile(file);
  }

  it("has the operator sets that it was asked for", async () => {
    const usual = (await scan(new GraphBuilder())).graph?.opsets;
    assert.deepEqual(
      [...(usual ?? [])],
      [
        ["", 21],
        ["ai.onnx.ml", 5],
      ],
    );
    const graph = new GraphBuilder({ "": 20, "com.microsoft": 1 });
    assert.deepEqual(
      [...((await scan(graph)).graph?.opsets ?? [])],
      [
        ["", 20],
        ["com.microsoft", 1],
      ],
    );
  });

  it("may have constants in a file beside it, and other names for its values", async () => {
    const graph = new GraphBuilder({ "": 21 }, "/mine");
    const place = { location: "weights/a.bin", offset: 3, length: 8 };
    const stored = graph.stored({ type: "float16", shape: [2, 2], ...place });
    const sum = graph.node("Cast", [stored], { attributes: { to: { int: 1 } } });
    const shifted = graph.node("Add", [sum, graph.constant(scalar("float", 1))]);
    graph.output("y", shifted, { type: "float", shape: [2, 2] });
    const asked: string[] = [];
    const file = join(directory, "model.onnx");
    await writeFile(file, graph.finish());
    const data = join(directory, "data.bin");
    await writeFile(data, new Uint8Array(11));
    const structure = await scanOnnxFile(file, (location) => {
      asked.push(location);
      return data;
    });
    assert.deepEqual(asked, ["weights/a.bin"]);
    assert.deepEqual(structure.weightFiles, [data]);
    assert.equal(structure.weightBytes, 12);
    const [name, constant] = [...(structure.graph?.constants ?? [])].find(
      ([, { datatype }]) => datatype === 10,
    ) ?? ["", undefined];
    assert.match(name, /^\/mine\/constant\//);
    assert.deepEqual(constant?.dims, [2, 2]);
    // One byte less than it needs.
    await writeFile(data, new Uint8Array(10));
    await assert.rejects(
      scanOnnxFile(file, () => data),
      /needs 11 bytes of its data file/,
    );
  });
});
