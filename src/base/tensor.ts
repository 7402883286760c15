import { elementEnd, elementView, lengthBytes } from "./bytes-elements.ts";
import { RuntimeError } from "./errors.ts";

/** Bytes per element, by the Open Inference Protocol's names. BYTES elements vary in length. */
export const elementBytes = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  BF16: 2,
  FP32: 4,
  FP64: 8,
  BYTES: undefined,
} as const satisfies Record<string, number | undefined>;

export type Datatype = keyof typeof elementBytes;

/** A datatype as a sentence names one of its elements: "an INT8", "a UINT8". */
export function withArticle(datatype: string): string {
  return `${/^[AEFIO]/.test(datatype) ? "an" : "a"} ${datatype}`;
}

interface TensorHead {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
}

/** What a model expects of one input, or promises of one output. A dimension of -1 is variable. */
export interface TensorSpec extends TensorHead {
  /** It may have any number of dimensions; `shape` is empty and has no meaning. */
  readonly hasAnyRank?: boolean;
  /** For inputs: a request may omit it, and the model then uses a default. */
  readonly isOptional?: boolean;
  /** Further metadata, by the names that clients see. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** One tensor. `data` is little-endian, row-major and unpadded, `product(shape)` elements; a BYTES element is
 *  its length as uint32, then its bytes. The party that hands a tensor over stops using `data`; a request's
 *  buffer may be reused once its call has succeeded. */
export interface Tensor extends TensorHead {
  readonly data: Uint8Array;
}

export function isDatatype(name: string): name is Datatype {
  return Object.hasOwn(elementBytes, name);
}

/** Product of `shape`; 1 for a scalar. Throws "invalid-argument" if a dimension is negative or not an integer,
 *  or if the product exceeds 2^53. `what` names the tensor in the message. */
export function elementCount(shape: readonly number[], what: string): number {
  let count = 1;
  for (let at = 0; at < shape.length; at++) {
    const dimension = shape[at] as number;
    if (!Number.isSafeInteger(dimension) || dimension < 0) {
      throw new RuntimeError(
        "invalid-argument",
        `${what} has shape [${shape}]: every dimension must be an integer from 0 to 2^53`,
      );
    }
    count *= dimension;
  }
  // A zero anywhere makes an empty tensor, whatever the product of the other dimensions is.
  if (shape.includes(0)) return 0;
  if (!Number.isSafeInteger(count)) {
    throw new RuntimeError("invalid-argument", `${what} has shape [${shape}]: too many elements`);
  }
  return count;
}

/** Throws "invalid-argument" unless `data` has exactly the size that `datatype` and `shape` require. */
export function checkTensorBytes(tensor: Tensor, what: string): void {
  const count = elementCount(tensor.shape, what);
  const size = elementBytes[tensor.datatype];
  if (size === undefined) {
    checkByteElements(tensor.data, count, what);
    return;
  }
  const expected = count * size;
  if (tensor.data.byteLength !== expected) {
    throw new RuntimeError(
      "invalid-argument",
      `${what} has ${tensor.data.byteLength} bytes, expected ${expected} for ${tensor.datatype} of shape [${tensor.shape}]`,
    );
  }
}

function checkByteElements(data: Uint8Array, count: number, what: string): void {
  const view = elementView(data);
  let offset = 0;
  for (let index = 0; index < count; index++) {
    if (offset + lengthBytes > data.byteLength) {
      throw new RuntimeError(
        "invalid-argument",
        `${what} ends after ${index} of ${count} BYTES elements`,
      );
    }
    offset = elementEnd(view, offset);
    if (offset > data.byteLength) {
      throw new RuntimeError(
        "invalid-argument",
        `${what}: BYTES element ${index} is longer than the ${data.byteLength} bytes that were sent`,
      );
    }
  }
  if (offset !== data.byteLength) {
    throw new RuntimeError(
      "invalid-argument",
      `${what} has ${data.byteLength - offset} bytes after its ${count} BYTES elements`,
    );
  }
}
