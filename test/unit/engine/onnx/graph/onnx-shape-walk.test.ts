import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { scanOnnxFile } from "../../../../../src/engine/onnx/graph/scan-file.ts";
import { type FollowedBody, followShapes } from "../../../../../src/engine/onnx/shapes/walk.ts";
import {
  constant,
  encodeModel,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
} from "../../../../support/models/onnx-builder.ts";
import { ProtobufWriter } from "../../../../support/models/protobuf-writer.ts";

let directory = "";
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "modelport-shape-walk-"));
});
after(() => rm(directory, { recursive: true, force: true }));

async function follow(model: Uint8Array, rows = 5): Promise<FollowedBody> {
  const file = join(directory, "model.onnx");
  await writeFile(file, model);
  const { graph } = await scanOnnxFile(file);
  assert.ok(graph !== undefined);
  return followShapes(graph, rows);
}

const int64 = (name: string, ...values: number[]) =>
  constant(name, "INT64", [values.length], values);
const scalar = (name: string, value: number) => constant(name, "INT64", [], [value]);
const node = (
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, OnnxAttribute>> = {},
): OnnxNode => ({ op, inputs, outputs: [output], attributes });
const unknownValue = (name: string) => ({ name, datatype: "FP32", shape: ["?"] }) as const;

/** A model of "x" FP32 [batch, 3, 8] and these nodes. */
function modelOf(nodes: readonly OnnxNode[], constants: readonly OnnxTensor[] = []): Uint8Array {
  return encodeModel({
    inputs: [{ name: "x", datatype: "FP32", shape: ["batch", 3, 8] }],
    outputs: [unknownValue(nodes.at(-1)?.outputs[0] ?? "")],
    nodes,
    constants,
  }).finish();
}

describe("numbers that shapes are computed from", () => {
  const sizes = node("Shape", ["x"], "s");
  const axis = { axis: { int: 0 } };
  const cases: readonly [string, number[], readonly OnnxNode[], readonly OnnxTensor[]][] = [
    ["all sizes", [5, 3, 8], [sizes], []],
    ["some of them", [3, 8], [node("Shape", ["x"], "s", { start: { int: -2 } })], []],
    ["a chosen one", [8], [sizes, node("Gather", ["s", "i"], "y", axis)], [int64("i", -1)]],
    [
      "a slice backwards",
      [8, 3, 5],
      [sizes, node("Slice", ["s", "from", "to", "axes", "steps"], "y")],
      [int64("from", -1), int64("to", -100), int64("axes", 0), int64("steps", -1)],
    ],
    [
      "what remains of a division",
      [2, 0, 2],
      [sizes, node("Mod", ["s", "three"], "y")],
      [int64("three", 3)],
    ],
    [
      "a division of integers",
      [2, 1, 4],
      [sizes, node("Div", ["s", "two"], "y")],
      [int64("two", 2)],
    ],
    [
      "a choice",
      [5, 1, 1],
      [sizes, node("Equal", ["s", "five"], "e"), node("Where", ["e", "s", "ones"], "y")],
      [int64("five", 5), int64("ones", 1, 1, 1)],
    ],
    [
      "the number of elements",
      [120],
      [sizes, node("ReduceProd", ["s"], "y", { keepdims: { int: 1 } })],
      [],
    ],
    [
      "pads as PyTorch writes them, from the last dimension on",
      [0, 0, 1, 0, 0, 2],
      [
        node("Reshape", ["p", "pairs"], "r"),
        node("Slice", ["r", "from", "to", "zero", "from"], "b"),
        node("Transpose", ["b"], "t", { perm: { ints: [1, 0] } }),
        node("Reshape", ["t", "flat"], "y"),
      ],
      [
        int64("p", 1, 2, 0, 0, 0, 0),
        int64("pairs", -1, 2),
        int64("from", -1),
        int64("to", -100),
        int64("zero", 0),
        int64("flat", -1),
      ],
    ],
    [
      "places in a row",
      [2, 4, 6],
      [node("Range", ["from", "to", "step"], "y")],
      [scalar("from", 2), scalar("to", 7), scalar("step", 2)],
    ],
    [
      "the second part of a split",
      [8],
      [
        sizes,
        { op: "Split", inputs: ["s", "parts"], outputs: ["a", "y"], attributes: axis },
        node("Identity", ["y"], "z"),
      ],
      [int64("parts", 2, 1)],
    ],
  ];
  for (const [what, expected, nodes, constants] of cases) {
    it(`are followed: ${what}`, async () => {
      const { values, outputs } = await follow(modelOf(nodes, constants));
      assert.deepEqual(values.get(outputs[0] ?? "")?.values, expected);
    });
  }

  it("are those of single precision where they are floats", async () => {
    const nodes = [
      node("Shape", ["x"], "s"),
      node("Cast", ["s"], "f", { to: { int: 1 } }),
      node("Div", ["f", "three"], "y"),
    ];
    const { values } = await follow(modelOf(nodes, [constant("three", "FP32", [], [3])]));
    assert.deepEqual(
      values.get("y")?.values,
      [5, 3, 8].map((size) => Math.fround(size / 3)),
    );
  });
});

describe("shapes of nodes with graphs of their own", () => {
  const scan = (
    nodes: readonly OnnxNode[],
    outputs: readonly string[],
    inputs: readonly string[],
  ) =>
    ({
      graph: {
        inputs: inputs.map(unknownValue),
        outputs: outputs.map(unknownValue),
        nodes,
      } satisfies OnnxGraph,
    }) as const;

  it("are those of the branch that a known condition takes", async () => {
    const choose = node("If", ["c"], "y", {
      then_branch: scan([node("Relu", ["x"], "a")], ["a"], []),
      else_branch: scan([node("Flatten", ["x"], "b")], ["b"], []),
    });
    const rank = [node("Shape", ["x"], "s"), node("Size", ["s"], "rank")];
    const isThree = node("Equal", ["rank", "three"], "c");
    const known = await follow(modelOf([...rank, isThree, choose], [scalar("three", 3)]));
    assert.deepEqual(known.values.get("y")?.shape, [5, 3, 8]);
    assert.equal(known.values.get("y")?.isGuess, false);
    const unknown = await follow(
      modelOf([node("ReduceMax", ["x"], "m"), node("Cast", ["m"], "c"), choose]),
    );
    assert.equal(unknown.values.get("y")?.isGuess, true);
  });

  it("have a dimension for the trips of a loop, and grow with them", async () => {
    const loop = (trips: number, nodes: readonly OnnxNode[]) =>
      follow(
        modelOf(
          [
            {
              op: "Loop",
              inputs: ["n", "", "x"],
              outputs: ["last", "all"],
              attributes: { body: scan(nodes, ["c2", "after", "each"], ["i", "c", "before"]) },
            },
            node("Identity", ["all"], "y"),
          ],
          [scalar("n", trips)],
        ),
      );
    const goOn = node("Identity", ["c"], "c2");
    const steady = await loop(7, [
      goOn,
      node("Relu", ["before"], "after"),
      node("ReduceMax", ["before"], "each", { keepdims: { int: 0 } }),
    ]);
    assert.deepEqual(steady.values.get("last")?.shape, [5, 3, 8]);
    assert.deepEqual(steady.values.get("y")?.shape, [7]);
    assert.equal(steady.values.get("y")?.isGuess, false);
    const growing = await loop(3, [
      goOn,
      node("Concat", ["before", "x"], "after", { axis: { int: 1 } }),
      node("Identity", ["before"], "each"),
    ]);
    assert.deepEqual(growing.values.get("last")?.shape, [5, 12, 8]);
    assert.equal(growing.values.get("last")?.isGuess, false);
    assert.equal(growing.values.get("y")?.isGuess, true);
  });

  it("collect what a scan gives for each element of an axis", async () => {
    const { values } = await follow(
      modelOf([
        {
          op: "Scan",
          inputs: ["x"],
          outputs: ["y"],
          attributes: {
            num_scan_inputs: { int: 1 },
            scan_input_axes: { ints: [1] },
            scan_output_axes: { ints: [-1] },
            body: scan([node("Relu", ["part"], "out")], ["out"], ["part"]),
          },
        },
      ]),
    );
    assert.deepEqual(values.get("y")?.shape, [5, 8, 3]);
  });

  it("are followed into functions, with the attributes of the call", async () => {
    const message = () => new ProtobufWriter();
    const split = message()
      .text(1, "a")
      .text(2, "b")
      .text(4, "Flatten")
      .message(5, message().text(1, "axis").text(21, "at"));
    const flatten = message()
      .text(1, "Mine")
      .text(4, "a")
      .text(5, "b")
      .text(10, "my")
      .message(7, split);
    const dimensions = [5, 3, 8].map((size) => message().integer(1, size));
    const tensor = message().integer(1, 1).message(2, message().messages(1, dimensions));
    const input = message().text(1, "x").message(2, message().message(1, tensor));
    const call = message()
      .text(1, "x")
      .text(2, "y")
      .text(4, "Mine")
      .text(7, "my")
      .message(5, message().text(1, "at").integer(3, 2));
    const graph = message().message(1, call).message(11, input).message(12, message().text(1, "y"));
    const { values } = await follow(message().message(7, graph).message(25, flatten).finish());
    assert.deepEqual(values.get("y")?.shape, [15, 8]);
  });

  it("end where functions call each other without an end", async () => {
    const message = () => new ProtobufWriter();
    const again = message().text(1, "a").text(2, "b").text(4, "Mine").text(7, "my");
    const mine = message()
      .text(1, "Mine")
      .text(4, "a")
      .text(5, "b")
      .text(10, "my")
      .messages(7, [again, again]);
    const call = message().text(1, "x").text(2, "y").text(4, "Mine").text(7, "my");
    const model = message().message(7, message().message(1, call)).message(25, mine);
    const { values } = await follow(model.finish());
    assert.equal(values.get("y")?.isGuess, true);
  });
});
