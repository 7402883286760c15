import { RuntimeError } from "../../base/errors.ts";
import { checkTensorBytes, type Tensor, type TensorSpec } from "../../base/tensor.ts";
import { convertTensor, isConvertible } from "./convert-tensor.ts";

/** The columns of a model's only input, whose numbers are of type FP32 or FP64. */
export interface NamedColumns {
  readonly spec: TensorSpec;
  readonly features: readonly string[];
  /** Where each of them is. */
  readonly places: ReadonlyMap<string, number>;
  /** The matrix may take as much as its columns do, or this if that is more. */
  readonly mostWidenedBytes: number;
}

/** One matrix of inputs that are named by its columns, as data frames are sent: each has a value for each row. Throws
 *  "invalid-argument" if one is missing, unknown, given twice, or of another length. */
export function gatherColumns(inputs: readonly Tensor[], columns: NamedColumns): Tensor {
  const { spec, features, places, mostWidenedBytes } = columns;
  const { datatype } = spec;
  if (datatype !== "FP32" && datatype !== "FP64")
    throw new Error("a matrix of numbers has columns");
  const size = datatype === "FP32" ? 4 : 8;
  const rows = inputs[0]?.shape[0] ?? 0;
  const given = new Map<number, Tensor>();
  let sentBytes = 0;
  for (const tensor of inputs) {
    const what = `input '${tensor.name}'`;
    const place = places.get(tensor.name);
    if (place === undefined) throw invalid(`${what} is no column of the model`);
    if (given.has(place)) throw invalid(`${what} is given twice`);
    const [length, ...others] = tensor.shape;
    if (length !== rows || others.some((dimension) => dimension !== 1)) {
      throw invalid(`${what} has the shape [${tensor.shape}], expected [${rows}] or [${rows},1]`);
    }
    if (!isConvertible(tensor.datatype, datatype)) {
      throw invalid(`${what} is ${tensor.datatype}, expected numbers`);
    }
    checkTensorBytes(tensor, what);
    sentBytes += tensor.data.length;
    given.set(place, tensor);
  }
  refuseMissing(features, given);
  const bytes = rows * features.length * size;
  if (bytes > Math.max(sentBytes, mostWidenedBytes)) {
    throw invalid(`the columns are large: send them as ${datatype}, which the model computes in`);
  }
  const data = new Uint8Array(bytes);
  for (const [place, tensor] of given) {
    const column = convertTensor(tensor, datatype).data;
    for (let row = 0; row < rows; row++) {
      const value = column.subarray(row * size, (row + 1) * size);
      data.set(value, (row * features.length + place) * size);
    }
  }
  return { name: spec.name, datatype, shape: [rows, features.length], data };
}

function refuseMissing(features: readonly string[], given: ReadonlyMap<number, Tensor>): void {
  if (given.size === features.length) return;
  const missing = features.filter((_, place) => !given.has(place));
  const shown = missing.slice(0, 10).map((name) => `'${name}'`);
  throw invalid(
    `column ${shown.join(", ")} is missing: send NaN, or null in JSON, where there is no value`,
  );
}

function invalid(message: string): RuntimeError {
  return new RuntimeError("invalid-argument", message);
}
