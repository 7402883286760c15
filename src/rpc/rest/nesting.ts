import { RuntimeError } from "../../base/errors.ts";
import type { JsonTensor } from "./json-tensor.ts";

/** A tensor's elements in row-major order, as many as its shape requires: `data` may be one flat array, or
 *  arrays nested as the shape says. A BYTES element may itself be an array of bytes. Throws
 *  "invalid-argument", naming the place where `data` and shape differ. */
export function flattenElements(data: unknown, tensor: JsonTensor): readonly unknown[] {
  const { shape, count, what } = tensor;
  if (!Array.isArray(data)) {
    if (shape.length === 0 && data !== undefined) return [data];
    invalid(`${what}: data must be an array`);
  }
  if (shape.length >= 2 && isRow(data[0], tensor)) return flattenRows(data, tensor);
  if (data.length !== count) {
    invalid(
      `${what}: data has ${data.length} elements, expected ${count} for the shape [${shape}]`,
    );
  }
  return data;
}

// Level by level: a recursion would be as deep as the client likes.
function flattenRows(data: readonly unknown[], { shape, what }: JsonTensor): readonly unknown[] {
  let rows: readonly unknown[] = [data];
  for (const [axis, length] of shape.entries()) {
    const items: unknown[] = [];
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index];
      const place = () => placeOf(index, shape.slice(0, axis));
      if (!Array.isArray(row)) {
        invalid(
          `${what}: ${place()} is not an array, expected ${shape.length} levels of arrays for the shape [${shape}]`,
        );
      }
      if (row.length !== length) {
        invalid(
          `${what}: ${place()} has ${row.length} elements, expected ${length} for the shape [${shape}]`,
        );
      }
      for (const item of row) items.push(item);
    }
    rows = items;
  }
  return rows;
}

/** Where the row with this index is among all rows below the axes of `shape`, such as "data[1]". */
function placeOf(index: number, shape: readonly number[]): string {
  const steps: string[] = [];
  let left = index;
  for (const length of shape.toReversed()) {
    steps.push(`[${left % length}]`);
    left = Math.floor(left / length);
  }
  return `data${steps.reverse().join("")}`;
}

/** Whether `item` contains elements of the tensor, rather than being one. */
function isRow(item: unknown, { datatype }: JsonTensor): boolean {
  return Array.isArray(item) && (datatype !== "BYTES" || typeof item[0] !== "number");
}

function invalid(message: string): never {
  throw new RuntimeError("invalid-argument", message);
}
