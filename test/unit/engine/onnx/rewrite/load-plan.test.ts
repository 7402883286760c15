import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type LoadPlan, planLoad } from "../../../../../src/engine/onnx/rewrite/load-plan.ts";
import { ServingRefusal } from "../../../../../src/engine/onnx/rewrite/serving-refusal.ts";
import { constant, encodeModel, type OnnxGraph } from "../../../../support/models/onnx-builder.ts";
import { ProtobufWriter } from "../../../../support/models/protobuf-writer.ts";

const everyLocale = () => true;

describe("the plan of a load", () => {
  const folder = mkdtempSync(join(tmpdir(), "modelport-plan-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const planOf = (
    model: Uint8Array,
    hasLocale: (name?: string) => boolean = everyLocale,
  ): LoadPlan => {
    const file = join(folder, "model.onnx");
    writeFileSync(file, model);
    return planLoad(file, hasLocale);
  };
  const fp32 = (name: string, shape: readonly (number | string)[] = ["n"]) =>
    ({ name, datatype: "FP32", shape }) as const;
  const negation: OnnxGraph = {
    inputs: [fp32("x")],
    outputs: [fp32("y")],
    nodes: [{ op: "Neg", inputs: ["x"], outputs: ["y"] }],
  };
  /** With `k` as an input that has a value. */
  const scaling = (count = 1, values = 1): OnnxGraph => {
    const names = Array.from({ length: count }, (_, at) => `k${at}`);
    return {
      inputs: [fp32("x"), ...names.map((name) => fp32(name, [values]))],
      outputs: [fp32("y")],
      nodes: [{ op: "Sum", inputs: ["x", ...names], outputs: ["y"] }],
      constants: names.map((name) => constant(name, "FP32", [values], new Array(values).fill(2))),
    };
  };
  const listing: OnnxGraph = {
    inputs: [fp32("x")],
    outputs: [{ ...fp32("y"), sequence: true }],
    nodes: [{ op: "SequenceConstruct", inputs: ["x", "x"], outputs: ["y"] }],
  };

  it("is the file as it is for a plain model", () => {
    const plan = planOf(encodeModel(negation).finish());
    assert.equal(plan.bytes, undefined);
    assert.deepEqual([plan.anyRank.size, plan.defaults.size, plan.outputs.size], [0, 0, 0]);
  });

  it("keeps every byte that it does not change, fields of other versions among them", () => {
    const note = new TextEncoder().encode("a field of tomorrow");
    const model = encodeModel(scaling()).bytes(999, note).finish();
    const { bytes } = planOf(model);
    assert.ok(bytes !== undefined);
    assert.ok(Buffer.from(bytes).includes(Buffer.from(note)));
    // Gone is the initializer alone: its tag, its length and what they say.
    const initializer = new ProtobufWriter()
      .integers(1, [1])
      .integer(2, 1)
      .text(8, "k0")
      .bytes(9, new Uint8Array(Float32Array.of(2).buffer))
      .finish();
    assert.equal(bytes.byteLength, model.byteLength - initializer.byteLength - 2);
  });

  it("has the values of inputs that may be left out", () => {
    const { defaults } = planOf(encodeModel(scaling(3)).finish());
    assert.deepEqual([...defaults.keys()], ["k0", "k1", "k2"]);
    const { datatype, shape, data } = defaults.get("k1") ?? assert.fail();
    assert.deepEqual([datatype, shape], ["FP32", [1]]);
    assert.deepEqual(data, Buffer.from(Float32Array.of(2).buffer));
  });

  it("takes inputs that are many or large for weights, and leaves them", () => {
    for (const graph of [scaling(65), scaling(1, 5 * 2 ** 20)]) {
      const { bytes, defaults } = planOf(encodeModel(graph).finish());
      assert.deepEqual([bytes, defaults.size], [undefined, 0]);
    }
  });

  it("gives the items of a list names that are free", () => {
    const graph: OnnxGraph = {
      ...listing,
      outputs: [...listing.outputs, fp32("y_0")],
      nodes: [...listing.nodes, { op: "Neg", inputs: ["x"], outputs: ["y_0"] }],
    };
    assert.deepEqual([...planOf(encodeModel(graph).finish()).outputs.keys()], ["y_0_", "y_1"]);
  });

  it("finds what an output is made of behind Identity", () => {
    const graph: OnnxGraph = {
      ...listing,
      nodes: [
        { op: "SequenceConstruct", inputs: ["x", "x"], outputs: ["list"] },
        { op: "Identity", inputs: ["list"], outputs: ["same"] },
        { op: "Identity", inputs: ["same"], outputs: ["y"] },
      ],
    };
    assert.deepEqual([...planOf(encodeModel(graph).finish()).outputs.keys()], ["y_0", "y_1"]);
  });

  it("names the output that it cannot serve, and ends for a cycle", () => {
    const refused: [nodes: OnnxGraph["nodes"], message: RegExp][] = [
      [
        [{ op: "SplitToSequence", inputs: ["x"], outputs: ["y"] }],
        /^output 'y' is a sequence of tensors made by SplitToSequence, but only tensors/,
      ],
      [[], /^output 'y' is a sequence of tensors, but only tensors can be served: export/],
      [
        [
          { op: "Identity", inputs: ["y"], outputs: ["z"] },
          { op: "Identity", inputs: ["z"], outputs: ["y"] },
        ],
        /^output 'y' is a sequence of tensors made by Identity/,
      ],
    ];
    for (const [nodes, message] of refused) {
      assert.throws(() => planOf(encodeModel({ ...listing, nodes }).finish()), {
        kind: "invalid-argument",
        message,
      });
    }
  });

  it("names the input that is not a tensor", () => {
    const graph: OnnxGraph = {
      inputs: [{ ...fp32("list"), sequence: true }],
      outputs: [fp32("y")],
      nodes: [{ op: "ConcatFromSequence", inputs: ["list"], outputs: ["y"] }],
    };
    assert.throws(() => planOf(encodeModel(graph).finish()), {
      kind: "invalid-argument",
      message:
        "input 'list' is a sequence of tensors, but only tensors can be served: export the model so that it takes the tensors themselves",
    });
  });

  it("leaves it to the engine what an output is of which the file gives no type", () => {
    const nodes = [{ op: "Relu", inputs: ["x"], outputs: ["y"] }];
    const outputs = [{ name: "y", datatype: undefined, shape: undefined }];
    const graph: OnnxGraph = { inputs: [fp32("x")], outputs, nodes };
    assert.equal(planOf(encodeModel(graph).finish()).bytes, undefined);
  });

  it("leaves a broken file to the engine", () => {
    const model = encodeModel(scaling()).finish();
    for (const broken of [model.subarray(0, -3), new Uint8Array(), Buffer.from("no model")]) {
      assert.equal(planOf(broken).bytes, undefined);
    }
    assert.equal(planLoad(join(folder, "nothing.onnx"), everyLocale).bytes, undefined);
  });

  it("survives any change of a byte", () => {
    const model = encodeModel(scaling()).finish();
    for (let at = 0; at < model.length; at++) {
      for (const value of [0, 0x7f, 0xff]) {
        const changed = Uint8Array.from(model);
        changed[at] = value;
        try {
          planOf(changed);
        } catch (error) {
          assert.ok(error instanceof ServingRefusal, String(error));
        }
      }
    }
  });

  it("puts another locale where one lacks, in the graphs of branches too", () => {
    const text = (name: string) => ({ name, datatype: "BYTES", shape: ["n"] }) as const;
    const normalizer = (outputs: readonly string[], locale?: string) => ({
      op: "StringNormalizer",
      inputs: ["x"],
      outputs,
      attributes: {
        case_change_action: { text: "LOWER" },
        ...(locale !== undefined && { locale: { text: locale } }),
      },
    });
    const branch = (name: string, locale?: string) => ({
      graph: { inputs: [], outputs: [text(name)], nodes: [normalizer([name], locale)] },
    });
    const model = encodeModel({
      inputs: [text("x"), { name: "yes", datatype: "BOOL", shape: [] }],
      outputs: [text("y")],
      nodes: [
        {
          op: "If",
          inputs: ["yes"],
          outputs: ["y"],
          attributes: { then_branch: branch("a", "fr_FR.UTF-8"), else_branch: branch("b") },
        },
      ],
    }).finish();
    const plain = (name?: string) => name === "C.UTF-8";
    const written = Buffer.from(planOf(model, plain).bytes ?? []).toString("latin1");
    assert.equal(written.split("C.UTF-8").length, 3);
    assert.ok(!written.includes("fr_FR"));
    assert.equal(planOf(model).bytes, undefined);
    assert.throws(() => planOf(model, () => false), /needs the locale 'fr_FR.UTF-8'/);
  });
});
