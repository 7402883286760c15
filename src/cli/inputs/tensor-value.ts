import type { InferParameter } from "../../../gen/inference/inference_pb.ts";
import { type Element, encodeElements } from "../../base/element-codec.ts";
import { BareNumber, oddFloat } from "../../base/json-float.ts";
import { usageError } from "../command-error.ts";

/** The metadata of one input or output. */
export interface TensorSpec {
  readonly name: string;
  readonly datatype: string;
  /** -1 for a dimension that each request may choose. */
  readonly shape: readonly bigint[];
  /** Not meaningful for outputs. */
  readonly parameters?: TensorParameters;
}

/** The names that metadata uses. */
export type TensorParameters = Readonly<Record<string, Partial<InferParameter>>>;

/** The layout of raw_input_contents. */
export interface RawTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: bigint[];
  readonly data: Uint8Array;
}

/** Elements in row-major order, or bytes that are already encoded, and how they are nested. */
export interface TensorValue {
  readonly shape: readonly number[];
  readonly elements: readonly Element[] | Uint8Array;
}

/** For example "image FP32[-1,1,8,8]"; "[…]" if it may have any number of dimensions. */
export function showSpec(spec: TensorSpec): string {
  const { name, datatype, shape } = spec;
  const optional = isFlagged(spec, "optional") ? " (optional)" : "";
  return `${name} ${datatype}[${hasAnyRank(spec) ? "…" : shape.join(",")}]${optional}`;
}

/** The names of an input's columns, where the model's file has them. */
export function columnNames({ parameters }: TensorSpec): readonly string[] | undefined {
  const text = parameters?.["features"]?.parameterChoice?.value;
  if (typeof text !== "string") return undefined;
  try {
    const names: unknown = JSON.parse(text);
    const isList = Array.isArray(names) && names.every((name) => typeof name === "string");
    return isList ? names : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a model runs without this input. */
export function isOptional(spec: TensorSpec): boolean {
  return isFlagged(spec, "optional");
}

function hasAnyRank(spec: TensorSpec): boolean {
  return isFlagged(spec, "unknown_rank");
}

function isFlagged({ parameters }: TensorSpec, name: string): boolean {
  return parameters?.[name]?.parameterChoice?.value === true;
}

/** The tensor that `value` gives for this input. Throws CommandError if an element does not fit the datatype. */
export function toTensor(spec: TensorSpec, value: TensorValue): RawTensor {
  const { name, datatype } = spec;
  const shape = (hasAnyRank(spec) ? value.shape : fitShape(value.shape, spec.shape)).map(BigInt);
  if (value.elements instanceof Uint8Array) return { name, datatype, shape, data: value.elements };
  try {
    return { name, datatype, shape, data: encodeElements(datatype, value.elements) };
  } catch (error) {
    throw usageError(`input "${name}" (${datatype}): ${(error as Error).message}`);
  }
}

/** Nested JSON arrays, or one value, which is a scalar. Throws CommandError if rows differ in length. */
export function readNested(json: unknown, { name, datatype }: TensorSpec): TensorValue {
  const shape: number[] = [];
  for (let level = json; Array.isArray(level); level = level[0]) shape.push(level.length);
  const elements: Element[] = [];
  const isFloat = /^(?:FP|BF)\d/.test(datatype);
  flatten(json, shape, { name, elements, isFloat });
  return { shape, elements };
}

function flatten(
  value: unknown,
  shape: readonly number[],
  into: { readonly name: string; readonly elements: Element[]; readonly isFloat: boolean },
): void {
  const [length, ...rest] = shape;
  if (length === undefined) {
    const element = (into.isFloat ? oddFloat(value) : undefined) ?? value;
    if (!isElement(element)) {
      const shown = value instanceof BareNumber ? String(value) : JSON.stringify(value);
      throw usageError(`input "${into.name}" has ${shown} where a value is expected`);
    }
    into.elements.push(element);
    return;
  }
  if (!Array.isArray(value) || value.length !== length) {
    throw usageError(`input "${into.name}" has rows of different lengths`);
  }
  for (const item of value) flatten(item, rest, into);
}

function isElement(value: unknown): value is Element {
  return ["number", "bigint", "boolean", "string"].includes(typeof value);
}

/** One element of 0, false or "" per position of the shape; free dimensions count as 1. */
export function zeros({ datatype, shape: wanted }: TensorSpec): TensorValue {
  const shape = wanted.map((dimension) => Math.max(1, Number(dimension)));
  const zero: Element = datatype === "BYTES" ? "" : datatype === "BOOL" ? false : 0;
  return { shape, elements: Array.from({ length: product(shape) }, () => zero) };
}

/** The given shape if it has the expected number of dimensions; otherwise the expected one, if only one fits: a
 *  row for a model that takes batches, or an image written as one list. */
function fitShape(given: readonly number[], wanted: readonly bigint[]): readonly number[] {
  if (given.length === wanted.length) return given;
  const free = wanted.filter((dimension) => dimension < 0n).length;
  const fixed = product(wanted.filter((dimension) => dimension >= 0n).map(Number));
  const count = product(given);
  if (free > 1 || fixed === 0 || count % fixed !== 0 || (free === 0 && count !== fixed))
    return given;
  return wanted.map((dimension) => (dimension < 0n ? count / fixed : Number(dimension)));
}

function product(shape: readonly number[]): number {
  return shape.reduce((result, dimension) => result * dimension, 1);
}
