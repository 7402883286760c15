import { decodeElements, type Element, elementBytes } from "../../base/element-codec.ts";

/** An input of a model, from its metadata. */
export interface TensorSpec {
  readonly name: string;
  readonly datatype: string;
  /** -1 means that the request may choose this dimension. */
  readonly shape: readonly number[];
  /** The request may choose the number of dimensions; `shape` has no meaning. */
  readonly hasAnyRank?: boolean;
  /** The request may omit it. */
  readonly isOptional?: boolean;
  /** Names of its columns, if the model's file has them. */
  readonly columns?: readonly string[];
}

/** The data sent for one input: elements in row-major order. */
export interface TensorInput {
  readonly spec: TensorSpec;
  readonly shape: readonly number[];
  readonly elements: readonly Element[];
}

/** Longer texts are not shown. */
export const maxTextElements = 4096;

/** Reads JSON: nested lists, whose nesting is the shape, or one flat list, or a single value. Throws an Error
 *  whose message is for the user. */
export function parseTensor(spec: TensorSpec, text: string): TensorInput {
  let value: unknown;
  try {
    value = JSON.parse(text, exactIntegers);
  } catch (error) {
    throw new Error(`this is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const nested = shapeOfLists(value);
  const isFloat = /^(?:FP|BF)\d/.test(spec.datatype);
  const elements = (Array.isArray(value) ? value.flat(Number.POSITIVE_INFINITY) : [value]).map(
    // A missing value, as in requests.
    (each) => (each === null && isFloat ? Number.NaN : toElement(each)),
  );
  if (spec.hasAnyRank) {
    if (product(nested) !== elements.length) throw new Error("the lists are not all of one length");
    return { spec, shape: nested, elements };
  }
  const isNested = nested.length === spec.shape.length && nested.length > 1;
  const shape = isNested ? nested : shapeFor(spec.shape, elements.length);
  if (product(shape) !== elements.length) throw new Error("the lists are not all of one length");
  const clash = shape.findIndex((size, at) => spec.shape[at] !== -1 && spec.shape[at] !== size);
  if (clash >= 0) {
    throw new Error(`the shape is [${shape.join(", ")}], expected [${spec.shape.join(", ")}]`);
  }
  return { spec, shape, elements };
}

/** Reads the bytes of a file with the layout of raw_input_contents. */
export function tensorFromBytes(spec: TensorSpec, bytes: Uint8Array): TensorInput {
  const elements = decodeElements(spec.datatype, bytes);
  const shape = spec.hasAnyRank ? [elements.length] : shapeFor(spec.shape, elements.length);
  return { spec, shape, elements };
}

/** Initial text: zeros in the smallest shape; empty if that would be too long. */
export function exampleText(spec: TensorSpec): string {
  const shape = spec.shape.map((size) => (size === -1 ? 1 : size));
  if (product(shape) > maxTextElements) return "";
  return tensorText({ shape, elements: Array(product(shape)).fill(zeroOf(spec.datatype)) });
}

/** The elements as JSON, in lists nested by shape. */
export function tensorText({ shape, elements }: Pick<TensorInput, "shape" | "elements">): string {
  const texts = elements.map(elementText);
  const write = (depth: number, from: number, count: number): string => {
    if (depth >= shape.length) return texts[from] ?? "null";
    const size = shape[depth] ?? 1;
    const each = size === 0 ? 0 : count / size;
    const items = Array.from({ length: size }, (_, at) => write(depth + 1, from + at * each, each));
    return `[${items.join(depth === shape.length - 1 ? ", " : ",\n ")}]`;
  };
  return write(0, 0, elements.length);
}

export function elementText(element: Element): string {
  return typeof element === "bigint" ? `${element}` : JSON.stringify(element);
}

/** The shape for `count` elements: the first free dimension takes what the others leave. Throws an Error whose
 *  message is for the user if there is none. */
function shapeFor(shape: readonly number[], count: number): number[] {
  const fixed = product(shape.filter((size) => size !== -1));
  const free = shape.indexOf(-1);
  const left = fixed === 0 ? 0 : count / fixed;
  if (free === -1 ? left !== 1 : !Number.isInteger(left)) {
    const wanted = free === -1 ? `${fixed}` : `a multiple of ${fixed}`;
    throw new Error(`there are ${count} elements, expected ${wanted}`);
  }
  return shape.map((size, at) => (at === free ? left : size === -1 ? 1 : size));
}

function shapeOfLists(value: unknown): number[] {
  return Array.isArray(value) ? [value.length, ...shapeOfLists(value[0])] : [];
}

function toElement(value: unknown): Element {
  const kind = typeof value;
  if (kind === "number" || kind === "bigint" || kind === "boolean" || kind === "string") {
    return value as Element;
  }
  throw new Error(`${JSON.stringify(value)} is not a tensor element`);
}

function zeroOf(datatype: string): Element {
  if (datatype === "BYTES") return "";
  return elementBytes(datatype) !== undefined && datatype === "BOOL" ? false : 0;
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}

// Browsers pass a number's text as a third argument; without it, integers beyond 2^53 are rounded.
const exactIntegers = ((_key: string, value: unknown, context?: { source?: string }) =>
  typeof value === "number" &&
  Number.isInteger(value) &&
  !Number.isSafeInteger(value) &&
  /^-?\d+$/.test(context?.source ?? "")
    ? BigInt(context?.source ?? "")
    : value) as (key: string, value: unknown) => unknown;
