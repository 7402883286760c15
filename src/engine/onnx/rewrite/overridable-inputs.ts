import type { Tensor } from "../../../base/tensor.ts";
import type { GraphEdits } from "./graph-edits.ts";
import type { GraphOutline } from "./graph-outline.ts";
import type { ModelReader } from "./model-reader.ts";
import { readStoredTensor } from "./stored-tensor.ts";

/** Exporters that list every weight among the inputs mean none of them to be given: beyond this many, or
 *  this many bytes together, they stay in the graph. */
const mostInputs = 64;
const mostBytes = 16 * 1024 * 1024;

/** Makes inputs of the initializers that may be given, for the binding of ONNX Runtime passes none but
 *  those without a value. Returns the values that they have if they are not given. */
export function openOverridable(
  reader: ModelReader,
  { initialized, mayOverride }: GraphOutline,
  edits: GraphEdits,
): ReadonlyMap<string, Tensor> {
  const defaults = new Map<string, Tensor>();
  let sizeBytes = 0;
  for (const { content, end } of initialized.values()) sizeBytes += end - content;
  if (!mayOverride || initialized.size > mostInputs || sizeBytes > mostBytes) return defaults;
  for (const [name, field] of initialized) {
    const tensor = readStoredTensor(reader, name, field);
    if (tensor === undefined) continue;
    defaults.set(name, tensor);
    edits.replace(field, []);
  }
  return defaults;
}
