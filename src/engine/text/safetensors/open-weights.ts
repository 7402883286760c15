import { RuntimeError } from "../../../base/errors.ts";
import { readSafetensorsHeader } from "./read-header.ts";
import type { TensorPlace, TensorTable } from "./tensor-table.ts";

/** The tensors of all shards of a model. Throws as `readSafetensorsHeader`, and "invalid-argument" for a tensor that two
 *  of them have. Blocks. */
export function openWeights(files: readonly string[]): TensorTable {
  const table = new Map<string, TensorPlace>();
  for (const file of files) {
    for (const [name, place] of readSafetensorsHeader(file)) {
      const other = table.get(name);
      if (other !== undefined) {
        throw new RuntimeError(
          "invalid-argument",
          `tensor '${name}' is in ${other.file} and in ${file}: expected it in one of them`,
        );
      }
      table.set(name, place);
    }
  }
  return table;
}
