import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { scanOnnxFile } from "../../../../../src/engine/onnx/graph/scan-file.ts";
import { type RunMemory, runMemory } from "../../../../../src/engine/onnx/memory/run-memory.ts";
import { followShapes } from "../../../../../src/engine/onnx/shapes/walk.ts";
import { unknownOp } from "../../../../support/models/failing-models.ts";
import { slowLoop } from "../../../../support/models/heavy-models.ts";
import {
  constant,
  encodeModel,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxTensor,
} from "../../../../support/models/onnx-builder.ts";

let directory = "";
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "modelport-run-memory-"));
});
after(() => rm(directory, { recursive: true, force: true }));

async function memoryOf(file: Uint8Array, rows: number): Promise<RunMemory> {
  const path = join(directory, "model.onnx");
  await writeFile(path, file);
  const { graph } = await scanOnnxFile(path);
  assert.ok(graph !== undefined);
  return runMemory(followShapes(graph, rows));
}

interface OneNode {
  readonly op: string;
  /** Of the input "x", which varies in its first dimension. */
  readonly rest: readonly (number | string)[];
  readonly constants?: readonly OnnxTensor[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** FP32 elements of the only result of one node whose inputs are "x" and the constants. */
async function elementsOf({ op, rest, constants = [], attributes = {} }: OneNode, rows = 2) {
  const inputs = ["x", ...constants.map(({ name }) => name)];
  const graph: OnnxGraph = {
    inputs: [{ name: "x", datatype: "FP32", shape: ["batch", ...rest] }],
    // Of a shape that is not told.
    outputs: [{ name: "y", datatype: "FP32", shape: ["?"] }],
    nodes: [{ op, inputs, outputs: ["y"], attributes }],
    constants,
  };
  const { peakBytes, isClear } = await memoryOf(encodeModel(graph).finish(), rows);
  assert.ok(isClear, op);
  return peakBytes / 4;
}

const fp32 = (shape: readonly number[]) =>
  constant("w", "FP32", shape, new Array(shape.reduce((a, b) => a * b, 1)).fill(1));
const int64 = (...values: number[]) => constant("n", "INT64", [values.length], values);
const ints = (...values: number[]) => ({ ints: values });

describe("the memory between the nodes of a graph", () => {
  const cases: readonly [node: OneNode, elements: number][] = [
    [{ op: "Relu", rest: [3] }, 6],
    [{ op: "Relu", rest: ["any", 3] }, 2 * 16 * 3],
    [{ op: "Add", rest: [1, 3], constants: [fp32([4, 1])] }, 2 * 4 * 3],
    [{ op: "MatMul", rest: [5, 3], constants: [fp32([3, 7])] }, 2 * 5 * 7],
    [
      { op: "Gemm", rest: [3], constants: [fp32([7, 3])], attributes: { transB: { int: 1 } } },
      2 * 7,
    ],
    [
      {
        op: "Conv",
        rest: [3, 8, 8],
        constants: [fp32([16, 3, 3, 3])],
        attributes: { strides: ints(2, 2), pads: ints(1, 1, 1, 1) },
      },
      2 * 16 * 4 * 4,
    ],
    [
      {
        op: "Conv",
        rest: [3, 9, 9],
        constants: [fp32([16, 3, 3, 3])],
        attributes: { strides: ints(2, 2), auto_pad: { text: "SAME_UPPER" } },
      },
      2 * 16 * 5 * 5,
    ],
    [{ op: "MaxPool", rest: [3, 8, 8], attributes: { kernel_shape: ints(2, 2) } }, 2 * 3 * 7 * 7],
    [{ op: "GlobalAveragePool", rest: [3, 8, 8] }, 6],
    [{ op: "Flatten", rest: [3, 8, 8] }, 2 * 3 * 64],
    [{ op: "Reshape", rest: [6], constants: [int64(0, -1, 3)] }, 12],
    [{ op: "Transpose", rest: [3, 4], attributes: { perm: ints(2, 0, 1) } }, 24],
    [{ op: "Concat", rest: [3], constants: [fp32([2, 5])], attributes: { axis: { int: -1 } } }, 16],
    [{ op: "ReduceMean", rest: [3, 8], attributes: { axes: ints(-1) } }, 6],
    [{ op: "ReduceMean", rest: [3, 8] }, 1],
    [{ op: "Gather", rest: [3], constants: [int64(0, 2)], attributes: { axis: { int: 1 } } }, 4],
    [{ op: "Expand", rest: [1], constants: [int64(5, 1, 100)] }, 5 * 2 * 100],
    [{ op: "Unsqueeze", rest: [3], constants: [int64(0)] }, 6],
    [
      {
        op: "Slice",
        rest: [10],
        constants: [
          int64(2),
          constant("ends", "INT64", [1], [-1]),
          constant("axes", "INT64", [1], [1]),
        ],
      },
      14,
    ],
  ];
  for (const [node, elements] of cases) {
    it(`is ${elements} elements for ${node.op} of [2, ${node.rest}]`, async () => {
      assert.equal(await elementsOf(node), elements);
    });
  }

  it("is the most that is needed at one time", async () => {
    const wide = 1000;
    const file = encodeModel({
      inputs: [{ name: "x", datatype: "FP32", shape: ["batch", 1] }],
      outputs: [{ name: "y", datatype: "FP32", shape: ["batch", 1] }],
      nodes: [
        { op: "Expand", inputs: ["x", "shape"], outputs: ["a"] },
        { op: "Trilu", inputs: ["a"], outputs: ["b"] },
        { op: "Trilu", inputs: ["b"], outputs: ["c"] },
        { op: "ReduceMax", inputs: ["c"], outputs: ["y"] },
      ],
      constants: [constant("shape", "INT64", [2], [1, wide])],
    }).finish();
    // Two of the three are needed at a time.
    assert.equal((await memoryOf(file, 3)).peakBytes, 2 * 3 * wide * 4);
  });

  it("grows with the rows", async () => {
    assert.equal(await elementsOf({ op: "Relu", rest: [3] }, 64), 64 * 3);
  });

  it("follows shapes that are computed", async () => {
    const file = encodeModel({
      inputs: [{ name: "x", datatype: "FP32", shape: ["batch", 2, 6] }],
      outputs: [{ name: "y", datatype: "FP32", shape: ["?"] }],
      nodes: [
        { op: "Shape", inputs: ["x"], outputs: ["shape"] },
        {
          op: "Gather",
          inputs: ["shape", "zero"],
          outputs: ["rows"],
          attributes: { axis: { int: 0 } },
        },
        {
          op: "Concat",
          inputs: ["rows", "rest"],
          outputs: ["wanted"],
          attributes: { axis: { int: 0 } },
        },
        { op: "Reshape", inputs: ["x", "wanted"], outputs: ["y"] },
      ],
      constants: [constant("zero", "INT64", [1], [0]), constant("rest", "INT64", [2], [-1, 4])],
    }).finish();
    const { isClear, peakBytes } = await memoryOf(file, 5);
    assert.ok(isClear);
    assert.ok(peakBytes >= 5 * 12 * 4 && peakBytes < 5 * 12 * 4 + 100, String(peakBytes));
  });

  it("follows the single sizes that PyTorch's exporter asks for", async () => {
    const size = (start: number, end: number) => ({ start: { int: start }, end: { int: end } });
    const file = encodeModel({
      inputs: [{ name: "x", datatype: "FP32", shape: ["batch", 7, 6] }],
      outputs: [{ name: "y", datatype: "FP32", shape: ["?"] }],
      nodes: [
        { op: "Shape", inputs: ["x"], outputs: ["rows"], attributes: size(0, 1) },
        { op: "Shape", inputs: ["x"], outputs: ["last"], attributes: size(-1, 9) },
        {
          op: "Concat",
          inputs: ["rows", "last", "rest"],
          outputs: ["wanted"],
          attributes: { axis: { int: 0 } },
        },
        { op: "Reshape", inputs: ["x", "wanted"], outputs: ["y"] },
      ],
      constants: [constant("rest", "INT64", [1], [-1])],
    }).finish();
    const { isClear, peakBytes } = await memoryOf(file, 5);
    assert.ok(isClear);
    assert.ok(peakBytes >= 5 * 42 * 4 && peakBytes < 5 * 42 * 4 + 100, String(peakBytes));
  });

  it("counts a result once that is written over the input", async () => {
    const nodes = ["a", "b", "c"].map((name, index, all) => {
      return { op: "Relu", inputs: [all[index - 1] ?? "x"], outputs: [name] };
    });
    const file = encodeModel({
      inputs: [{ name: "x", datatype: "FP32", shape: ["batch", 100] }],
      outputs: [{ name: "c", datatype: "FP32", shape: ["batch", 100] }],
      nodes,
    }).finish();
    assert.equal((await memoryOf(file, 3)).peakBytes, 3 * 100 * 4);
  });

  it("has what runs make of constants all at once, since nothing holds these nodes back", async () => {
    const scale = constant("scale", "FP32", [], [1]);
    const bytes = { datatype: "INT8", shape: [4, 4] } as const;
    const weights = ["q0", "q1"].map((name) => {
      return { ...bytes, name, content: { raw: new Uint8Array(16) } };
    });
    const file = encodeModel({
      inputs: [{ name: "x", datatype: "FP32", shape: ["batch", 4] }],
      outputs: [{ name: "y", datatype: "FP32", shape: ["batch", 4] }],
      nodes: [
        { op: "DequantizeLinear", inputs: ["q0", "scale"], outputs: ["w0"] },
        { op: "MatMul", inputs: ["x", "w0"], outputs: ["h"] },
        { op: "DequantizeLinear", inputs: ["q1", "scale"], outputs: ["w1"] },
        { op: "MatMul", inputs: ["h", "w1"], outputs: ["y"] },
      ],
      constants: [...weights, scale],
    }).finish();
    const { constantBytes, peakBytes } = await memoryOf(file, 1);
    assert.equal(constantBytes, 2 * 16 * 4);
    assert.equal(peakBytes, 2 * 16 * 4 + 4 * 4);
  });

  it("is a guess where an operator is not known, unless the file describes its result", async () => {
    const { isClear, peakBytes } = await memoryOf(unknownOp(), 2);
    assert.ok(isClear);
    assert.equal(peakBytes, 2 * 4 * 4);
    const file = encodeModel({
      inputs: [{ name: "x", datatype: "FP32", shape: ["batch", 4] }],
      outputs: [{ name: "y", datatype: "FP32", shape: ["?"] }],
      nodes: [{ op: "NoSuchOperator", inputs: ["x"], outputs: ["y"] }],
    }).finish();
    assert.equal((await memoryOf(file, 2)).isClear, false);
  });

  it("has the memory of subgraphs in it, beside what lives around them", async () => {
    const { isClear, peakBytes } = await memoryOf(slowLoop(), 1);
    assert.ok(isClear);
    // The product in the loop's body, over which its other nodes write, and the loop's result.
    const matrixBytes = 512 * 512 * 4;
    assert.ok(peakBytes >= matrixBytes && peakBytes < 2.1 * matrixBytes, String(peakBytes));
  });
});
