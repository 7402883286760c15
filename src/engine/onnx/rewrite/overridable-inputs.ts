import type { Tensor } from "../../../base/tensor.ts";
import type { GraphEdits } from "./graph-edits.ts";
import type { GraphOutline } from "./graph-outline.ts";
import type { ModelReader } from "./model-reader.ts";
import { readStoredTensor } from "./stored-tensor.ts";

/** Exporters that list every weight among the inputs do not mean them to be overridden: beyond this many, or
 *  this many bytes in total, they stay in the graph. */
const mostInputs = 64;
const mostBytes = 16 * 1024 * 1024;

/** Turns overridable initializers into plain inputs, because ONNX Runtime's binding only passes inputs
 *  without a value. Returns the default values. */
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
