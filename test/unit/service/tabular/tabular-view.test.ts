import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Tensor } from "../../../../src/base/tensor.ts";
import type { OutputNaming } from "../../../../src/config/run-settings.ts";
import type { ModelMetadata, TabularFacts } from "../../../../src/engine/contract/engine.ts";
import { describedOf } from "../../../../src/service/described/described-of.ts";
import { tabularView } from "../../../../src/service/tabular/tabular-view.ts";

const facts: TabularFacts = {
  features: ["age", "income"],
  classes: ["no", "yes"],
  kserveOutput: "value",
  libraryVersion: "3.4.1",
};

function metadataOf(changes: Partial<ModelMetadata> = {}): ModelMetadata {
  return {
    platform: "xgboost_xgboost",
    tabular: facts,
    inputs: [{ name: "input", datatype: "FP32", shape: [-1, 2] }],
    outputs: [
      { name: "predict", datatype: "INT64", shape: [-1] },
      { name: "predict_proba", datatype: "FP64", shape: [-1, 2] },
      { name: "value", datatype: "FP64", shape: [-1] },
    ],
    ...changes,
  };
}

function viewOf(naming: OutputNaming = "mlserver", metadata = metadataOf()) {
  return tabularView(metadata, { outputNames: naming }) ?? assert.fail("not a translated model");
}

function fp32(name: string, shape: readonly number[], values: readonly number[]): Tensor {
  const data = new Uint8Array(Float32Array.from(values).buffer);
  return { name, datatype: "FP32", shape, data };
}

function fp64(name: string, shape: readonly number[], values: readonly number[]): Tensor {
  const data = new Uint8Array(Float64Array.from(values).buffer);
  return { name, datatype: "FP64", shape, data };
}

const ask = (inputs: readonly Tensor[], outputs: readonly string[] = []) => ({
  version: "",
  inputs,
  outputs,
});

describe("a translated model as its clients see it", () => {
  it("is itself where it was not translated", () => {
    const { tabular: _none, ...metadata } = metadataOf();
    assert.equal(tabularView(metadata, { outputNames: "kserve" }), undefined);
    assert.equal(describedOf({ metadata }, { outputNames: "kserve" }), metadata);
  });

  it("takes its only input under any name", () => {
    for (const name of ["input", "input-0", "predict", "input__0", ""]) {
      const { request } = viewOf().toEngine(ask([fp32(name, [1, 2], [1, 2])]));
      assert.deepEqual(request.inputs, [fp32("input", [1, 2], [1, 2])]);
    }
  });

  it("takes numbers of other types, and leaves what is no number to the check", () => {
    const { request } = viewOf().toEngine(ask([fp64("x", [1, 2], [0.1, 2])]));
    assert.deepEqual(request.inputs, [fp32("input", [1, 2], [Math.fround(0.1), 2])]);
    const text: Tensor = { name: "x", datatype: "BYTES", shape: [1, 2], data: new Uint8Array(8) };
    const [left] = viewOf().toEngine(ask([text])).request.inputs;
    assert.deepEqual(left, { ...text, name: "input" });
  });

  it("refuses a tensor whose data has another size than it says", () => {
    const tensor = { ...fp64("x", [1, 2], [1, 2]), shape: [2, 2] };
    assert.throws(() => viewOf().toEngine(ask([tensor])), {
      kind: "invalid-argument",
      message: /input 'input' has 16 bytes, expected 32 for FP64 of shape \[2,2\]$/,
    });
  });

  it("refuses to make something much larger of a large tensor", () => {
    const data = new Uint8Array(8 * 1024 * 1024);
    const tensor: Tensor = { name: "x", datatype: "INT8", shape: [data.length / 2, 2], data };
    assert.throws(() => viewOf().toEngine(ask([tensor])), {
      kind: "invalid-argument",
      message: /is a large tensor of INT8: send it as FP32/,
    });
  });

  it("takes one input for each column, in any order and of any type", () => {
    const inputs = [fp64("income", [2], [10, 20]), fp32("age", [2, 1], [1, Number.NaN])];
    const { request } = viewOf().toEngine(ask(inputs));
    assert.deepEqual(request.inputs, [fp32("input", [2, 2], [1, 10, Number.NaN, 20])]);
  });

  const columns: readonly [what: string, inputs: readonly Tensor[], message: RegExp][] = [
    ["an unknown one", [fp32("age", [1], [1]), fp32("age2", [1], [1])], /'age2' is no column/],
    ["one given twice", [fp32("age", [1], [1]), fp32("age", [1], [1])], /'age' is given twice/],
    [
      "one of another length",
      [fp32("age", [2], [1, 2]), fp32("income", [1], [1])],
      /'income' has the shape \[1\], expected \[2\] or \[2,1\]/,
    ],
    [
      "one that is no number",
      [
        fp32("age", [1], [1]),
        { name: "income", datatype: "BYTES", shape: [1], data: new Uint8Array(4) },
      ],
      /'income' is BYTES, expected numbers/,
    ],
  ];
  for (const [what, inputs, message] of columns) {
    it(`refuses columns with ${what}`, () => {
      assert.throws(() => viewOf().toEngine(ask(inputs)), { kind: "invalid-argument", message });
    });
  }

  it("names the columns that are missing", () => {
    const metadata = metadataOf({ tabular: { ...facts, features: ["a", "b", "c"] } });
    const inputs = [fp32("a", [1], [1]), fp32("b", [1], [1])];
    assert.throws(() => viewOf("mlserver", metadata).toEngine(ask(inputs)), {
      message: /^column 'c' is missing: send NaN, or null in JSON/,
    });
  });

  it("takes inputs that are columns with or without their second dimension", () => {
    const metadata = metadataOf({
      inputs: [
        { name: "age", datatype: "FP32", shape: [-1, 1] },
        { name: "plan", datatype: "BYTES", shape: [-1, 1] },
      ],
    });
    const plan: Tensor = {
      name: "plan",
      datatype: "BYTES",
      shape: [1, 1],
      data: new Uint8Array(4),
    };
    const { request } = viewOf("mlserver", metadata).toEngine(ask([fp64("age", [1], [4]), plan]));
    assert.deepEqual(request.inputs, [fp32("age", [1, 1], [4]), plan]);
  });

  it("leaves out columns of the training data that the model does not use, and no others", () => {
    const metadata = metadataOf({
      tabular: { ...facts, features: ["age", "note", "income"] },
      inputs: [
        { name: "age", datatype: "FP64", shape: [-1, 1] },
        { name: "income", datatype: "FP64", shape: [-1, 1] },
      ],
    });
    const given = ["note", "income", "nose", "age"].map((name) => fp64(name, [1, 1], [1]));
    const { request } = viewOf("mlserver", metadata).toEngine(ask(given));
    // What is no column at all is for the check to refuse.
    assert.deepEqual(
      request.inputs.map(({ name }) => name),
      ["income", "nose", "age"],
    );
  });

  it("answers with its first output, or those that are asked for, shaped as by MLServer", () => {
    const labels: Tensor = {
      name: "predict",
      datatype: "INT64",
      shape: [3],
      data: new Uint8Array(24),
    };
    const plain = viewOf().toEngine(ask([fp32("x", [3, 2], [1, 2, 3, 4, 5, 6])]));
    assert.deepEqual(plain.request.outputs, ["predict"]);
    assert.deepEqual(plain.toClient([labels]), [{ ...labels, shape: [3, 1] }]);
    const both = viewOf().toEngine(ask([], ["predict_proba", "predict"]));
    assert.deepEqual(both.request.outputs, ["predict_proba", "predict"]);
    const proba = fp64("predict_proba", [1, 2], [0.25, 0.75]);
    assert.deepEqual(both.toClient([proba])[0], proba);
  });

  it("answers as KServe's own server, or as FIL, where its settings say so", () => {
    const value = fp64("value", [2], [0.25, 0.75]);
    const kserve = viewOf("kserve").toEngine(ask([]));
    assert.deepEqual(kserve.request.outputs, ["value"]);
    assert.deepEqual(kserve.toClient([value]), [fp64("output-0", [2], [0.25, 0.75])]);
    const fil = viewOf("fil").toEngine(ask([], ["output__0"]));
    assert.deepEqual(fil.toClient([value]), [fp32("output__0", [2], [0.25, 0.75])]);
  });

  it("has the outputs of the other servers too, for those that ask by their names", () => {
    const request = viewOf().toEngine(ask([], ["output-0", "predict"]));
    assert.deepEqual(request.request.outputs, ["value", "predict"]);
    assert.equal(request.toClient([fp64("value", [1], [1])])[0]?.name, "output-0");
    assert.deepEqual(viewOf("kserve").toEngine(ask([], ["predict_proba"])).request.outputs, [
      "predict_proba",
    ]);
    assert.deepEqual(viewOf().toEngine(ask([], ["other"])).request.outputs, ["other"]);
  });

  it("is described with its names, columns and classes", () => {
    const features = '["age","income"]';
    const classes = '["no","yes"]';
    assert.deepEqual(describedOf({ metadata: metadataOf() }, { outputNames: "mlserver" }), {
      platform: "xgboost_xgboost",
      tabular: facts,
      inputs: [{ name: "input", datatype: "FP32", shape: [-1, 2], parameters: { features } }],
      outputs: [
        { name: "predict", datatype: "INT64", shape: [-1, 1], parameters: { classes } },
        { name: "predict_proba", datatype: "FP64", shape: [-1, 2], parameters: { classes } },
        { name: "value", datatype: "FP64", shape: [-1, 1] },
      ],
    });
    const { inputs, outputs } = viewOf("fil").described;
    assert.equal(inputs[0]?.name, "input__0");
    assert.deepEqual(outputs, [{ name: "output__0", datatype: "FP32", shape: [-1] }]);
  });
});
