import { RuntimeError } from "../../base/errors.ts";
import { BareNumber } from "../../base/json-float.ts";

/** Values by names of columns. */
export type Row = Readonly<Record<string, unknown>>;

export function isRow(value: unknown): value is Row {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject && !(value instanceof BareNumber);
}

export function isBase64(value: unknown): value is { readonly b64: string } {
  return isRow(value) && Object.keys(value).length === 1 && typeof value["b64"] === "string";
}

/** The rows of data frames, as pandas writes them, in place of the frames: an object with a list of values for each
 *  column, or an object of values by the row's label, is as many rows as the lists are long; a list of objects has one row
 *  for each. Whatever else is in `instances` stays as it is. Throws "invalid-argument" if columns of a frame differ in
 *  their length. */
export function withRowsOfFrames(instances: readonly unknown[]): readonly unknown[] {
  if (!instances.some((each) => isFrame(each) || isListOfRows(each))) return instances;
  return instances.flatMap((each, at): readonly unknown[] => {
    if (isFrame(each)) return rowsOf(each, `instances[${at}]`);
    return isListOfRows(each) ? each : [each];
  });
}

function isListOfRows(value: unknown): value is readonly Row[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  return value.every((row) => isRow(row) && !isBase64(row));
}

function isFrame(value: unknown): value is Row {
  if (!isRow(value)) return false;
  const columns = Object.values(value);
  return columns.length > 0 && columns.every(isColumn);
}

function isColumn(value: unknown): boolean {
  return Array.isArray(value) || (isRow(value) && !isBase64(value));
}

function rowsOf(frame: Row, where: string): Row[] {
  const columns = Object.entries(frame).map(([name, values]) => {
    const cells = Object.entries(values as Row | readonly unknown[]);
    return { name, labels: cells.map(([label]) => label), values: cells.map(([, value]) => value) };
  });
  const [first] = columns;
  const labels = first?.labels ?? [];
  for (const { name, labels: others } of columns) {
    if (others.length === labels.length && others.every((label, at) => label === labels[at])) {
      continue;
    }
    throw new RuntimeError(
      "invalid-argument",
      `${where}: the columns '${first?.name}' and '${name}' have different rows`,
    );
  }
  return labels.map((_, row) =>
    Object.fromEntries(columns.map(({ name, values }) => [name, values[row]])),
  );
}
