import { RuntimeError } from "../../base/errors.ts";
import { BareNumber } from "../../base/json-float.ts";
import type { TensorSpec } from "../../base/tensor.ts";
import type { RestInference } from "../rest/request.ts";
import { readV1Inference, type V1Model } from "../rest/v1-request.ts";
import { csvRows } from "./csv-rows.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** A request of rows in CSV: one value for each column of the model, or if it has none, for each element of its only
 *  input or for each of its inputs. The first row may have the names of columns; `hasHeader` says that it does, and
 *  otherwise it counts as names if it has exactly those of the model. A cell is read as the model's datatype: an empty
 *  one is a missing value. Throws "invalid-argument" with the row and the column that does not fit. */
export function decodeCsvInference(
  body: Uint8Array,
  model: V1Model,
  { hasHeader }: { readonly hasHeader: boolean },
): RestInference {
  const rows = csvRows(textOf(body));
  const first = rows.next();
  if (first.done) invalid("the CSV has no rows");
  const names = hasHeader || isHeader(first.value, model) ? first.value : undefined;
  const width = first.value.length;
  const specs = specsOf(names, width, model);
  const [only] = model.inputs;
  // A list of one value would be another dimension.
  const isScalar = model.inputs.length === 1 && only?.shape.length === 1 && width === 1;
  const instances: unknown[] = [];
  let number = 0;
  const add = (cells: readonly string[]) => {
    number++;
    if (cells.length !== width) {
      invalid(`row ${number} of the CSV has ${cells.length} cells, and the first one has ${width}`);
    }
    const values = cells.map((cell, at) =>
      cellValue(cell, specs[at], { row: number, column: at + 1 }),
    );
    if (names !== undefined) {
      instances.push(Object.fromEntries(names.map((name, at) => [name, values[at]])));
    } else instances.push(isScalar ? values[0] : values);
  };
  if (names === undefined) add(first.value);
  for (const cells of rows) add(cells);
  return readV1Inference({ instances }, model);
}

function textOf(body: Uint8Array): string {
  try {
    return utf8.decode(body);
  } catch (cause) {
    throw new RuntimeError("invalid-argument", "the CSV is not UTF-8", { cause });
  }
}

function isHeader(cells: readonly string[], { columns, inputs }: V1Model): boolean {
  const names = new Set(columns ?? inputs.map(({ name }) => name));
  return new Set(cells).size === names.size && cells.every((cell) => names.has(cell));
}

/** What each column is read as; undefined for a column that is not part of an input. */
function specsOf(
  names: readonly string[] | undefined,
  width: number,
  { columns, inputs }: V1Model,
): readonly (TensorSpec | undefined)[] {
  const [only, ...others] = inputs;
  if (others.length === 0) return Array.from({ length: width }, () => only);
  const byName = new Map(inputs.map((spec) => [spec.name, spec]));
  // Without names, as `readV1Inference` reads lists: one value for each column, or for each input.
  const order = names ?? (width === columns?.length ? columns : [...byName.keys()]);
  return Array.from({ length: width }, (_, at) => byName.get(order[at] ?? ""));
}

const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const missing = /^(?:|nan|na|null)$/i;
const infinite = /^([+-]?)inf(?:inity)?$/i;

function cellValue(
  cell: string,
  spec: TensorSpec | undefined,
  place: { readonly row: number; readonly column: number },
): unknown {
  if (spec === undefined || spec.datatype === "BYTES") return cell;
  const text = cell.trim();
  if (spec.datatype === "BOOL") {
    if (/^(?:true|1)$/i.test(text)) return true;
    if (/^(?:false|0)$/i.test(text)) return false;
    return refuse(cell, "true or false", place);
  }
  if (missing.test(text)) return null;
  const [, sign] = infinite.exec(text) ?? [];
  if (sign !== undefined) return new BareNumber(sign === "-" ? -Infinity : Infinity);
  if (!number.test(text)) return refuse(cell, "a number", place);
  const value = Number(text);
  const isLong = !Number.isSafeInteger(value) && /^[+-]?\d+$/.test(text);
  return isLong ? BigInt(text.replace("+", "")) : value;
}

function refuse(
  cell: string,
  expected: string,
  { row, column }: { readonly row: number; readonly column: number },
): never {
  const shown = JSON.stringify(cell.slice(0, 40));
  return invalid(`row ${row}, column ${column} of the CSV is ${shown}, expected ${expected}`);
}

function invalid(message: string): never {
  throw new RuntimeError("invalid-argument", message);
}
