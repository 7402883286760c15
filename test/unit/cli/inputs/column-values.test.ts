import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import { readInputs } from "../../../../src/cli/inputs/read-inputs.ts";
import type { TensorSpec } from "../../../../src/cli/inputs/tensor-value.ts";

function specWith(features: readonly string[], datatype = "FP32"): TensorSpec {
  const value = JSON.stringify(features);
  return {
    name: "input",
    datatype,
    shape: [-1n, BigInt(features.length)],
    parameters: { features: { parameterChoice: { case: "stringParam", value } } },
  };
}

const spec = specWith(["age", "income"]);
const read = (operands: readonly string[], specs: readonly TensorSpec[] = [spec]) =>
  readInputs(operands, specs, Readable.from([]));

async function rowsOf(operands: readonly string[], of = spec): Promise<number[]> {
  const [tensor] = await read(operands, [of]);
  const { buffer } = (tensor?.data ?? new Uint8Array()).slice();
  return [...(of.datatype === "FP32" ? new Float32Array(buffer) : new Float64Array(buffer))];
}

describe("the inputs of a model whose columns have names", () => {
  it("are one value for each, in any order", async () => {
    const [tensor] = await read(["income=10.5", "age=41"]);
    assert.deepEqual(tensor?.shape, [1n, 2n]);
    assert.deepEqual(await rowsOf(["income=10.5", "age=41"]), [41, 10.5]);
    assert.deepEqual(
      await rowsOf(["age=0.1", "income=1"], specWith(["age", "income"], "FP64")),
      [0.1, 1],
    );
  });

  it("may be missing, and may be of several rows", async () => {
    assert.deepEqual(await rowsOf(["age=null", "income=NaN"]), [Number.NaN, Number.NaN]);
    assert.deepEqual(await rowsOf(["age=[1,null]", "income=[10,20]"]), [1, 10, Number.NaN, 20]);
  });

  it("may be given as one matrix all the same", async () => {
    assert.deepEqual(await rowsOf(["[[1,2]]"]), [1, 2]);
    assert.deepEqual(await rowsOf(["input=[1,2]"]), [1, 2]);
  });

  it("have the longest name that fits", async () => {
    const odd = specWith(["a", "a=b"]);
    assert.deepEqual(await rowsOf(["a=b=2", "a=1"], odd), [1, 2]);
  });

  const refused: readonly [operands: readonly string[], message: RegExp][] = [
    [["age=41"], /^no value for income$/],
    [["age=41", "income=1", "age=2"], /^column "age" is given twice$/],
    [["age=41", "rent=1"], /^"rent=1" names no column: expected age, income$/],
    [["age=x", "income=1"], /^column "age": "x" is not JSON/],
    [["age=[[1]]", "income=1"], /^column "age" must have one value, or a list/],
    [["age=[1,2]", "income=1"], /^column "income" has 1 values, and "age" has 2$/],
  ];
  for (const [operands, message] of refused) {
    it(`are refused: ${operands.join(" ")}`, async () => {
      await assert.rejects(read(operands), { name: "CommandError", message });
    });
  }

  it("are read as before where there are no names, or other inputs", async () => {
    const { parameters: _none, ...plain } = spec;
    await assert.rejects(read(["age=41", "income=1"], [plain]), { message: /is not JSON/ });
    await assert.rejects(read(["age=41"], [spec, { ...plain, name: "other" }]), {
      message: /does not name an input of the model/,
    });
  });
});
