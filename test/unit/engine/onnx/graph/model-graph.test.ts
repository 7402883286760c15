import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { functionKey, type OnnxGraph } from "../../../../../src/engine/onnx/graph/model-graph.ts";
import { scanOnnxFile } from "../../../../../src/engine/onnx/graph/scan-file.ts";
import { ProtobufWriter } from "../../../../support/models/protobuf-writer.ts";

const message = () => new ProtobufWriter();

let directory = "";
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "modelport-graph-"));
});
after(() => rm(directory, { recursive: true, force: true }));

async function graphOf(model: ProtobufWriter): Promise<OnnxGraph> {
  const file = join(directory, "model.onnx");
  await writeFile(file, model.finish());
  const { graph } = await scanOnnxFile(file);
  assert.ok(graph !== undefined);
  return graph;
}

/** A graph's initializer. */
function tensor(name: string, datatype: number, dims: readonly number[]): ProtobufWriter {
  return message().integers(1, dims).integer(2, datatype).text(8, name);
}

const bytesOf = (array: { buffer: ArrayBufferLike }) => new Uint8Array(array.buffer);
const withGraph = (graph: ProtobufWriter) => message().integer(1, 8).message(7, graph);
const withConstants = (tensors: readonly ProtobufWriter[]) =>
  withGraph(message().messages(5, tensors));

describe("the graph of an ONNX file", () => {
  it("has the numbers of small constants, however they are written", async () => {
    const graph = await graphOf(
      withConstants([
        tensor("int64", 7, [2]).bytes(9, bytesOf(BigInt64Array.of(-1n, 7n))),
        tensor("int32", 6, [2]).bytes(9, bytesOf(Int32Array.of(-1, 7))),
        tensor("fp32", 1, [2]).bytes(9, bytesOf(Float32Array.of(0.5, -2))),
        tensor("fp64", 11, []).bytes(9, bytesOf(Float64Array.of(0.1))),
        tensor("fp16", 10, [3]).bytes(9, bytesOf(Uint16Array.of(0x3800, 0xc000, 0x0001))),
        tensor("bool", 9, [2]).bytes(9, Uint8Array.of(0, 1)),
        // Typed fields, packed and not.
        tensor("packed", 1, [2]).bytes(4, bytesOf(Float32Array.of(1.5, 2.5))),
        tensor("integers", 7, [2]).integers(7, [3, 4]),
        tensor("single", 7, [1]).integer(7, 300),
        tensor("half", 10, [1]).integer(5, 0x3c00),
      ]),
    );
    const values = Object.fromEntries(
      [...graph.constants].map(([name, constant]) => [name, constant.values]),
    );
    assert.deepEqual(values, {
      int64: [-1, 7],
      int32: [-1, 7],
      fp32: [0.5, -2],
      fp64: [0.1],
      fp16: [0.5, -2, 2 ** -24],
      bool: [0, 1],
      packed: [1.5, 2.5],
      integers: [3, 4],
      single: [300],
      half: [1],
    });
  });

  it("has no numbers of big constants, of strings, and of what has not all of its data", async () => {
    const { constants } = await graphOf(
      withConstants([
        tensor("big", 1, [1000]).bytes(9, new Uint8Array(4000)),
        tensor("text", 8, [1]).text(6, "a"),
        tensor("cut", 1, [3]).bytes(9, new Uint8Array(8)),
      ]),
    );
    for (const { values } of constants.values()) assert.equal(values, undefined);
    assert.deepEqual(constants.get("big")?.dims, [1000]);
  });

  it("has the domain and all attributes of a node, and counts lists too long to keep", async () => {
    const long = message().text(1, "long");
    for (let count = 0; count < 1500; count++) long.integer(8, count);
    const attributes = [
      message().text(1, "int").integer(3, 5),
      message().text(1, "float").float(2, 0.5),
      message().text(1, "text").text(4, "SAME_UPPER"),
      message().text(1, "ints").integers(8, [1, 2]),
      message().text(1, "floats").float(7, 1).float(7, 2.5),
      message().text(1, "texts").text(9, "a").text(9, "b").text(9, "c"),
      long,
    ];
    const node = message()
      .text(1, "x")
      .text(2, "y")
      .text(4, "Scaler")
      .text(7, "ai.onnx.ml")
      .messages(5, attributes);
    const { nodes } = await graphOf(withGraph(message().message(1, node)));
    const [scaler] = nodes;
    assert.ok(scaler !== undefined);
    assert.equal(scaler.domain, "ai.onnx.ml");
    const { attributes: found } = scaler;
    assert.equal(found.get("int")?.int, 5);
    assert.equal(found.get("float")?.float, 0.5);
    assert.equal(found.get("text")?.text, "SAME_UPPER");
    assert.deepEqual(found.get("ints")?.ints, [1, 2]);
    assert.deepEqual(found.get("floats")?.floats, [1, 2.5]);
    assert.equal(found.get("texts")?.count, 3);
    assert.equal(found.get("long")?.count, 1500);
    assert.deepEqual(found.get("long")?.ints, []);
  });

  it("tells an unknown rank from a scalar, and has the opsets under ONNX's shorter name", async () => {
    const typed = (shape?: ProtobufWriter) => {
      const type = message().integer(1, 1);
      return message().message(1, shape === undefined ? type : type.message(2, shape));
    };
    const graph = message()
      .message(11, message().text(1, "any").message(2, typed()))
      .message(11, message().text(1, "scalar").message(2, typed(message())));
    const model = withGraph(graph)
      .message(8, message().text(1, "ai.onnx").integer(2, 21))
      .message(8, message().text(1, "com.microsoft").integer(2, 1));
    const { inputs, opsets } = await graphOf(model);
    assert.deepEqual(
      inputs.map(({ dims }) => dims),
      [undefined, []],
    );
    assert.deepEqual(Object.fromEntries(opsets), { "": 21, "com.microsoft": 1 });
  });

  it("has the graphs in attributes and the functions", async () => {
    const inner = message()
      .message(1, message().text(1, "x").text(2, "y").text(4, "Relu"))
      .message(12, message().text(1, "y"));
    const branch = message().text(1, "then_branch").message(6, inner);
    const node = message().text(1, "c").text(2, "z").text(4, "If").message(5, branch);
    const body = message()
      .text(1, "a")
      .text(2, "b")
      .text(4, "LeakyRelu")
      .message(5, message().text(1, "alpha").text(21, "slope"));
    const call = message()
      .text(1, "Mine")
      .text(4, "a")
      .text(5, "b")
      .text(10, "my")
      .message(7, body)
      .message(11, message().text(1, "slope").float(2, 0.25))
      .message(9, message().text(1, "").integer(2, 16));
    const graph = await graphOf(withGraph(message().message(1, node)).message(25, call));
    const then = graph.nodes[0]?.attributes.get("then_branch")?.graph;
    assert.equal(then?.nodes[0]?.op, "Relu");
    assert.deepEqual([...(then?.outputs ?? [])], ["y"]);
    const mine = graph.functions.get(functionKey({ op: "Mine", domain: "my", overload: "" }));
    assert.ok(mine !== undefined);
    assert.deepEqual([mine.inputs, mine.outputs, mine.opsets.get("")], [["a"], ["b"], 16]);
    assert.equal(mine.defaults.get("slope")?.float, 0.25);
    assert.equal(mine.nodes[0]?.attributes.get("alpha")?.refersTo, "slope");
  });
});
