/** Element types of tensors, inputs and outputs, with their numbers in ONNX. */
export const elementTypes = {
  float: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  bfloat16: 16,
} as const;

export type ElementType = keyof typeof elementTypes;

/** Types that scores are computed in. */
export type FloatType = "float" | "double";

/** A constant. Its values are in row-major order; the array is not copied before the model is written. */
export interface Tensor {
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** For "string": texts. Otherwise elements as they are stored, with as many bytes as the type has. */
  readonly values: readonly string[] | Uint8Array | Int32Array | BigInt64Array | FloatArray;
}

/** A constant whose elements are in a file: row-major, little-endian, at any offset. */
export interface StoredTensor {
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Path of the file, relative to the folder that the engine is told. Without "..". */
  readonly location: string;
  /** In bytes. */
  readonly offset: number;
  readonly length: number;
}

export type FloatArray = Float32Array | Float64Array;

/** `shape`: without it, a vector. Values are rounded to the type. */
export function floatTensor(
  type: FloatType,
  values: ArrayLike<number>,
  shape: readonly number[] = [values.length],
): Tensor {
  return {
    type,
    shape,
    values: type === "float" ? Float32Array.from(values) : Float64Array.from(values),
  };
}

export function scalar(type: FloatType, value: number): Tensor {
  return floatTensor(type, [value], []);
}

export function int64Tensor(
  values: readonly number[],
  shape: readonly number[] = [values.length],
): Tensor {
  return { type: "int64", shape, values: BigInt64Array.from(values, (value) => BigInt(value)) };
}

export function stringTensor(
  values: readonly string[],
  shape: readonly number[] = [values.length],
): Tensor {
  return { type: "string", shape, values };
}

export function boolTensor(
  values: readonly boolean[],
  shape: readonly number[] = [values.length],
): Tensor {
  return { type: "bool", shape, values: Uint8Array.from(values, Number) };
}
