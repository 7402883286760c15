import { RuntimeError } from "../errors.ts";
import type { JsonTensor } from "./rest-tensor.ts";

interface Place {
  readonly axis: number;
  /** The place as it is written in JavaScript, "data[1]" for example. */
  readonly path: string;
}

/** The elements of a tensor in row-major order: `data` may be one flat array, or arrays nested as the
 *  shape says. An element of BYTES may itself be an array, of bytes. Throws "invalid-argument", saying
 *  where `data` and shape part. */
export function flattenElements(data: unknown, tensor: JsonTensor): readonly unknown[] {
  const { datatype, shape, count, what } = tensor;
  if (!Array.isArray(data)) {
    if (shape.length === 0 && data !== undefined) return [data];
    invalid(`${what}: data must be an array`);
  }
  if (shape.length >= 2 && isRow(data[0], tensor)) {
    const elements: unknown[] = [];
    collect(data, { axis: 0, path: "data" }, { tensor, elements });
    return elements;
  }
  if (data.length !== count) {
    invalid(`${what}: data has ${data.length} elements, its shape [${shape}] asks for ${count}`);
  }
  const index = datatype === "BYTES" ? -1 : data.findIndex(Array.isArray);
  if (index >= 0) {
    invalid(`${what}: data[${index}] is an array, its shape [${shape}] asks for an element there`);
  }
  return data;
}

function collect(
  row: readonly unknown[],
  { axis, path }: Place,
  into: { readonly tensor: JsonTensor; readonly elements: unknown[] },
): void {
  const { tensor, elements } = into;
  const { datatype, shape, what } = tensor;
  if (row.length !== shape[axis]) {
    invalid(
      `${what}: ${path} has ${row.length} elements, its shape [${shape}] asks for ${shape[axis]} there`,
    );
  }
  const innermost = axis === shape.length - 1;
  for (const [index, item] of row.entries()) {
    if (!innermost) {
      const below = { axis: axis + 1, path: `${path}[${index}]` };
      if (!Array.isArray(item)) {
        invalid(
          `${what}: ${below.path} is no array, its shape [${shape}] asks for ${shape.length} levels`,
        );
      }
      collect(item, below, into);
    } else if (Array.isArray(item) && datatype !== "BYTES") {
      invalid(
        `${what}: ${path}[${index}] is an array, its shape [${shape}] asks for an element there`,
      );
    } else {
      elements.push(item);
    }
  }
}

/** Whether `item` holds elements of the tensor, and is not one itself. */
function isRow(item: unknown, { datatype }: JsonTensor): boolean {
  return Array.isArray(item) && (datatype !== "BYTES" || typeof item[0] !== "number");
}

function invalid(message: string): never {
  throw new RuntimeError("invalid-argument", message);
}
