import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { packTexts } from "../../src/base/packed-texts.ts";
import { elementBytes, type Tensor, type TensorSpec } from "../../src/base/tensor.ts";
import type { LoadedModel } from "../../src/engine/contract/engine.ts";
import { constant, encodeModel } from "../support/models/onnx-builder.ts";
import { forever, fp32, fp32Values, startEngine } from "../support/servers/engine-fixture.ts";

// Models as their tools export them, and what Python's ONNX Runtime of the same version answers: both by
// test/fixtures/onnx/exports/make-exports.py.

const limitMs = 300_000;
const folder = join(import.meta.dirname, "../fixtures/onnx/exports");

interface GoldenTensor extends Omit<Tensor, "data"> {
  /** In base64. */
  readonly data: string;
}

interface GoldenCase {
  readonly inputs: readonly GoldenTensor[];
  readonly outputs: readonly GoldenTensor[];
}

const golden: Readonly<Record<string, readonly GoldenCase[]>> = JSON.parse(
  readFileSync(join(folder, "golden.json"), "utf8"),
);

const fileOf = (name: string) => join(folder, `${name}.onnx`);
const unpack = (tensor: GoldenTensor): Tensor => ({
  ...tensor,
  data: new Uint8Array(Buffer.from(tensor.data, "base64")),
});

function floatValues(tensor: Tensor): ArrayLike<number> {
  return tensor.datatype === "FP32"
    ? fp32Values(tensor)
    : new Float64Array(Uint8Array.from(tensor.data).buffer);
}

/** Sums in another order differ in the last bits, on other processors. */
function assertSame(actual: Tensor, expected: Tensor): void {
  const { data, ...head } = actual;
  const { data: expectedData, ...expectedHead } = expected;
  assert.deepEqual(head, expectedHead);
  if (actual.datatype !== "FP32" && actual.datatype !== "FP64") {
    assert.deepEqual(Buffer.from(data), Buffer.from(expectedData), actual.name);
    return;
  }
  const [values, expectedValues] = [floatValues(actual), floatValues(expected)];
  for (const [at, value] of Array.from(values).entries()) {
    const wanted = expectedValues[at] as number;
    assert.ok(Object.is(value, wanted) || Math.abs(value - wanted) < 1e-5, `${value}, ${wanted}`);
  }
}

async function assertGolden(model: LoadedModel, name: string): Promise<void> {
  const outputs = model.metadata.outputs.map((output) => output.name);
  for (const { inputs, outputs: expected } of golden[name] as readonly GoldenCase[]) {
    const results = await model.infer({ inputs: inputs.map(unpack), outputs }, forever);
    assert.deepEqual(
      results.map((result) => result.name),
      expected.map((tensor) => tensor.name),
    );
    for (const [at, result] of results.entries()) {
      assertSame(result, unpack(expected[at] as GoldenTensor));
    }
  }
}

describe("models as the usual tools export them", { timeout: limitMs }, () => {
  it("answer what Python's runtime answers", async (t) => {
    const { load } = await startEngine(t);
    for (const name of Object.keys(golden)) {
      await t.test(name, async () => {
        const model = await load(fileOf(name));
        for (const { shape, datatype } of model.metadata.inputs) {
          assert.ok(datatype in elementBytes);
          assert.ok(shape.every((size) => size >= -1));
        }
        await assertGolden(model, name);
        await model.unload();
      });
    }
  });

  const outputs: readonly [model: string, outputs: readonly TensorSpec[]][] = [
    [
      "zipmap-integers",
      [
        { name: "label", datatype: "INT64", shape: [-1] },
        {
          name: "probabilities",
          datatype: "FP32",
          shape: [-1, 3],
          parameters: { classes: "[0,1,2]" },
        },
      ],
    ],
    [
      "zipmap-texts",
      [
        { name: "label", datatype: "BYTES", shape: [-1] },
        {
          name: "probabilities",
          datatype: "FP32",
          shape: [-1, 3],
          parameters: { classes: '["setosa","versicolor","virginica"]' },
        },
      ],
    ],
    ["optional-output", [{ name: "y", datatype: "FP32", shape: [2] }]],
    ["unknown-rank", [{ name: "y", datatype: "FP32", shape: [], hasAnyRank: true }]],
    ["scalar", [{ name: "y", datatype: "FP32", shape: [] }]],
  ];
  it("say what their outputs are", async (t) => {
    const { load } = await startEngine(t);
    for (const [name, expected] of outputs) {
      const { metadata } = await load(fileOf(name));
      const renamed = metadata.outputs.map((output) => ({
        ...output,
        name: output.name.replace("output_", "").replace("probability", "probabilities"),
      }));
      assert.deepEqual(renamed, expected);
    }
  });

  it("say which datatype of the file it is that has no name in the protocol", async (t) => {
    const { load } = await startEngine(t);
    const inputOf = async (name: string) => (await load(fileOf(name))).metadata.inputs[0];
    const shape = [-1];
    assert.deepEqual(await inputOf("bfloat16"), { name: "x", datatype: "BF16", shape });
    const float8 = { datatype: "UINT8", parameters: { onnx_type: "FLOAT8E4M3FN" } };
    assert.deepEqual(await inputOf("float8e4m3fn"), { name: "x", shape, ...float8 });
    const int4 = { datatype: "INT8", parameters: { onnx_type: "INT4" } };
    assert.deepEqual(await inputOf("int4"), { name: "x", shape, ...int4 });
  });

  it("refuse what has no value in the file's datatype", async (t) => {
    const { load } = await startEngine(t);
    const model = await load(fileOf("int4"));
    const x: Tensor = { name: "x", datatype: "INT8", shape: [2], data: Uint8Array.of(7, 8) };
    await assert.rejects(model.infer({ inputs: [x], outputs: ["wide"] }, forever), {
      kind: "invalid-argument",
      message: "input 'x' is INT4 in the model: 8 is outside -8 to 7",
    });
  });

  it("are refused by name where there is no way to serve them", async (t) => {
    const { load } = await startEngine(t);
    await assert.rejects(load(fileOf("refused-float4")), {
      kind: "invalid-argument",
      message:
        "input 'x' is FLOAT4E2M1, which cannot be served: export the model with a Cast there, to a datatype of the Open Inference Protocol",
    });
  });

  it("refuse a text that would be taken for bytes of their own", async (t) => {
    const { load } = await startEngine(t);
    const model = await load(fileOf("latin-texts"));
    const infer = (character: number) => {
      const data = packTexts([String.fromCodePoint(character)]);
      const inputs: Tensor[] = [
        { name: "given", datatype: "BYTES", shape: [1], data },
        { name: "label", datatype: "INT64", shape: [0], data: new Uint8Array() },
        { name: "yes", datatype: "BOOL", shape: [], data: Uint8Array.of(1) },
      ];
      return model.infer({ inputs, outputs: ["same"] }, forever);
    };
    // The file has one of the last block, so that those before it stand for bytes.
    await assert.rejects(infer(0x10ff00), { kind: "invalid-argument" });
    const [same] = await infer(0x10ff80);
    assert.equal(Buffer.from(same?.data.subarray(4) ?? []).toString(), "\u{10ff80}");
  });

  it("make an output of each item of a list, named after it", async (t) => {
    const { load } = await startEngine(t);
    const { metadata } = await load(fileOf("sequence-of-probabilities"));
    const parameters = { sequence: "probabilities" };
    assert.deepEqual(metadata.outputs.slice(1), [
      { name: "probabilities_0", datatype: "FP32", shape: [], hasAnyRank: true, parameters },
      { name: "probabilities_1", datatype: "FP32", shape: [], hasAnyRank: true, parameters },
    ]);
  });

  it("list what may be left out behind what must be given, and only that of newer files", async (t) => {
    const { load } = await startEngine(t);
    const x = { name: "x", datatype: "FP32", shape: [-1, 3] };
    const k = { name: "k", datatype: "FP32", shape: [1], isOptional: true };
    const inputsOf = async (name: string) => (await load(fileOf(name))).metadata.inputs;
    assert.deepEqual(await inputsOf("overridable"), [x, k]);
    assert.deepEqual(await inputsOf("overridable-in-front"), [x, k]);
    assert.deepEqual(await inputsOf("initializers-of-ir-3"), [x]);
  });

  it("find weights beside the file, though they are loaded from a copy", async (t) => {
    const { put, load } = await startEngine(t);
    const amounts = Float32Array.of(10, 20);
    await put("weights.bin", new Uint8Array(amounts.buffer));
    const value = (name: string) => ({ name, datatype: "FP32", shape: [2] }) as const;
    const content = { externalFile: "weights.bin", sizeBytes: amounts.byteLength };
    const model = encodeModel({
      inputs: [value("x"), value("k")],
      outputs: [value("y")],
      nodes: [{ op: "Sum", inputs: ["x", "k", "w"], outputs: ["y"] }],
      constants: [{ ...value("w"), content }, constant("k", "FP32", [2], [1, 2])],
    });
    const loaded = await load(await put("m.onnx", model.finish()));
    assert.deepEqual(
      loaded.metadata.inputs.map((input) => input.isOptional ?? false),
      [false, true],
    );
    const [y] = await loaded.infer(
      { inputs: [fp32("x", [2], [100, 200])], outputs: ["y"] },
      forever,
    );
    assert.deepEqual(fp32Values(y), [111, 222]);
  });

  it("give their copy's memory back", async (t) => {
    const { put, load } = await startEngine(t);
    const megabytes = 48;
    const weights = new Uint8Array(megabytes * 2 ** 20);
    const value = (name: string) => ({ name, datatype: "FP32", shape: [1] }) as const;
    const graph = (isCopied: boolean) =>
      encodeModel({
        inputs: [value("x"), ...(isCopied ? [value("k")] : [])],
        outputs: [value("y")],
        nodes: [
          { op: "ReduceSum", inputs: ["w"], outputs: ["sum"] },
          { op: "Sum", inputs: ["x", "sum", "k"], outputs: ["y"] },
        ],
        constants: [
          { name: "w", datatype: "FP32", shape: [weights.length / 4], content: { raw: weights } },
          constant("k", "FP32", [1], [1]),
        ],
      }).finish();
    const measured: number[] = [];
    for (const isCopied of [false, true]) {
      const model = await load(await put(`${isCopied}.onnx`, graph(isCopied)));
      measured.push(model.measuredBytes ?? 0);
      await model.unload();
    }
    const [plain = 0, copied = 0] = measured;
    assert.ok(Math.abs(copied - plain) < (megabytes / 4) * 2 ** 20, `${measured}`);
  });

  it("are not joined when a request gives what may be left out", async (t) => {
    const { load } = await startEngine(t);
    const model = await load(fileOf("overridable"));
    const k = (value: number): Tensor => ({ ...fp32("k", [1], [value]) });
    const x = fp32("x", [1, 3], [1, 2, 3]);
    const factors = Array.from({ length: 40 }, (_, at) => at + 1);
    const answers = await Promise.all(
      factors.map((factor) =>
        model.infer({ inputs: [{ ...x }, k(factor)], outputs: ["y"] }, forever),
      ),
    );
    for (const [at, [y]] of answers.entries()) {
      const factor = factors[at] as number;
      assert.deepEqual([...fp32Values(y as Tensor)], [factor, 2 * factor, 3 * factor]);
    }
  });
});
