import { describeError } from "../../base/errors.ts";
import { parseExactly } from "../../base/exact-json.ts";
import { usageError } from "../command-error.ts";
import {
  columnNames,
  isOptional,
  type RawTensor,
  readNested,
  type TensorSpec,
  toTensor,
} from "./tensor-value.ts";

/** A model's only input, whose columns have names. */
interface ColumnInput {
  readonly spec: TensorSpec;
  readonly columns: readonly string[];
}

/** The input that operands such as `age=41 plan=2` are for: undefined unless one of them names a column of it. */
export function columnInput(
  operands: readonly string[],
  specs: readonly TensorSpec[],
): ColumnInput | undefined {
  const [spec, ...others] = specs.filter((each) => !isOptional(each));
  const columns = spec && columnNames(spec);
  if (spec === undefined || columns === undefined || others.length > 0) return undefined;
  const isNamed = operands.some((operand) => columnOf(operand, columns) !== undefined);
  const isInput = operands.some((operand) => operand.startsWith(`${spec.name}=`));
  return isNamed && !isInput ? { spec, columns } : undefined;
}

/** One tensor of one value for each column, or of as many as there are rows. Throws CommandError. */
export function readColumns(
  operands: readonly string[],
  { spec, columns }: ColumnInput,
): RawTensor {
  const given = new Map<string, readonly (number | bigint | boolean | string)[]>();
  for (const operand of operands) {
    const column = columnOf(operand, columns);
    if (column === undefined) {
      throw usageError(`"${operand.slice(0, 60)}" names no column: expected ${named(columns)}`);
    }
    if (given.has(column)) throw usageError(`column "${column}" is given twice`);
    given.set(column, readValues(operand.slice(column.length + 1), column, spec));
  }
  const missing = columns.filter((column) => !given.has(column));
  if (missing.length > 0) {
    throw usageError(
      `no value for ${named(missing)}`,
      "give each column as NAME=VALUE, or as NAME=null where there is no value",
    );
  }
  const [[first, { length: rows }] = ["", []]] = given;
  for (const [column, { length }] of given) {
    if (length === rows) continue;
    throw usageError(`column "${column}" has ${length} values, and "${first}" has ${rows}`);
  }
  const elements = Array.from({ length: rows }, (_, row) =>
    columns.map((column) => given.get(column)?.[row] ?? Number.NaN),
  );
  return toTensor(spec, { shape: [rows, columns.length], elements: elements.flat() });
}

/** The longest, since names may contain "=". */
function columnOf(operand: string, columns: readonly string[]): string | undefined {
  return columns
    .filter((column) => operand.startsWith(`${column}=`))
    .toSorted((a, b) => b.length - a.length)[0];
}

function readValues(text: string, column: string, spec: TensorSpec) {
  let json: unknown;
  try {
    json = parseExactly(text, { bareNumbers: true });
  } catch (error) {
    const why = describeError(error);
    throw usageError(
      `column "${column}": "${text.slice(0, 60)}" is not JSON (${why})`,
      "expected a number, null, or a list of these",
    );
  }
  const { shape, elements } = readNested(json, { ...spec, name: column });
  if (shape.length > 1 || elements instanceof Uint8Array) {
    throw usageError(`column "${column}" must have one value, or a list of one for each row`);
  }
  return elements;
}

const maxNamed = 20;

function named(columns: readonly string[]): string {
  const more = columns.length > maxNamed ? `, and ${columns.length - maxNamed} more` : "";
  return `${columns.slice(0, maxNamed).join(", ")}${more}`;
}
