import { RuntimeError } from "../../base/errors.ts";
import { checkTensorBytes, type Tensor, type TensorSpec } from "../../base/tensor.ts";
import { convertTensor, isConvertible } from "./convert-tensor.ts";

/** One matrix of inputs that are named by its columns, as data frames are sent: each has a value for each row. Throws
 *  "invalid-argument" if one is missing, unknown, given twice, or of another length. */
export function gatherColumns(
  inputs: readonly Tensor[],
  { spec, features }: { readonly spec: TensorSpec; readonly features: readonly string[] },
): Tensor {
  const { datatype } = spec;
  if (datatype !== "FP32" && datatype !== "FP64")
    throw new Error("a matrix of numbers has columns");
  const places = new Map(features.map((name, at) => [name, at]));
  const size = datatype === "FP32" ? 4 : 8;
  const rows = inputs[0]?.shape[0] ?? 0;
  const columns = inputs.map((tensor) => {
    const what = `input '${tensor.name}'`;
    const place = places.get(tensor.name);
    places.delete(tensor.name);
    if (place === undefined) {
      const isKnown = features.includes(tensor.name);
      throw invalid(`${what} is ${isKnown ? "given twice" : "no column of the model"}`);
    }
    const [length, ...others] = tensor.shape;
    if (length !== rows || others.some((dimension) => dimension !== 1)) {
      throw invalid(`${what} has the shape [${tensor.shape}], expected [${rows}] or [${rows},1]`);
    }
    if (!isConvertible(tensor.datatype, datatype)) {
      throw invalid(`${what} is ${tensor.datatype}, expected numbers`);
    }
    checkTensorBytes(tensor, what);
    return { place, data: convertTensor(tensor, datatype).data };
  });
  const missing = [...places.keys()];
  if (missing.length > 0) {
    const shown = missing.slice(0, 10).map((name) => `'${name}'`);
    throw invalid(
      `column ${shown.join(", ")} is missing: send NaN, or null in JSON, where there is no value`,
    );
  }
  // All columns are there, so this is no larger than they are together.
  const data = new Uint8Array(rows * features.length * size);
  for (const column of columns) {
    for (let row = 0; row < rows; row++) {
      const value = column.data.subarray(row * size, (row + 1) * size);
      data.set(value, (row * features.length + column.place) * size);
    }
  }
  return { name: spec.name, datatype, shape: [rows, features.length], data };
}

function invalid(message: string): RuntimeError {
  return new RuntimeError("invalid-argument", message);
}
