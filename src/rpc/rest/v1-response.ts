import { RuntimeError } from "../../base/errors.ts";
import type { Tensor } from "../../base/tensor.ts";
import type { InferenceResult } from "../../service/contract/models.ts";
import { writeJson } from "./json.ts";
import { encodeData } from "./json-tensor.ts";

/** More elements would hold up the event loop for long: V2 writes them in slices, or as bytes. */
export const mostElements = 250_000;

/** The answer of KServe's V1 protocol: one value for each row, or if the model has several outputs, one object of
 *  values by their names. With `columns` it also has what TensorFlow Serving answers to its column form: all rows of the
 *  output, or an object of them by the names of outputs. Throws "invalid-argument" if it is too long. */
export function encodeV1Inference(
  { outputs }: InferenceResult,
  { columns = false }: { readonly columns?: boolean } = {},
): Buffer {
  const [only, ...others] = outputs;
  const answer = (predictions: unknown, inColumns = predictions) =>
    writeJson({ predictions, ...(columns && { outputs: inColumns }) });
  if (only === undefined) return answer([]);
  let elements = 0;
  for (const { shape } of outputs) elements += shape.reduce((count, size) => count * size, 1);
  if (elements > mostElements) {
    throw new RuntimeError(
      "invalid-argument",
      `the answer has ${elements} elements, and V1 takes ${mostElements} at most: send fewer rows, or call V2`,
    );
  }
  const nested = outputs.map(nest);
  if (others.length === 0) return answer(nested[0]);
  const [rows] = only.shape;
  const isByRow = rows !== undefined && outputs.every(({ shape }) => shape[0] === rows);
  const named = (values: readonly unknown[]) =>
    Object.fromEntries(outputs.map(({ name }, at) => [name, values[at]]));
  if (!isByRow) return answer(named(nested));
  const predictions = Array.from({ length: rows }, (_, row) =>
    named(nested.map((values) => (values as readonly unknown[])[row])),
  );
  return answer(predictions, named(nested));
}

/** Lists within lists, as the shape says; one value for a scalar. */
function nest(tensor: Tensor): unknown {
  // TensorFlow Serving's way to tell bytes from text, in requests and answers.
  const { data, bytesForm } = encodeData(
    tensor,
    tensor.name.endsWith("_bytes") ? "base64" : "text",
  );
  let values: readonly unknown[] = bytesForm === "base64" ? data.map((b64) => ({ b64 })) : data;
  for (const size of tensor.shape.slice(1).toReversed()) {
    const lists: unknown[][] = [];
    for (let at = 0; size > 0 && at < values.length; at += size) {
      lists.push(values.slice(at, at + size));
    }
    values = lists;
  }
  return tensor.shape.length === 0 ? values[0] : values;
}
