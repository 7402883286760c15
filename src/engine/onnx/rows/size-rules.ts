import { type Count, known, numberOf, product } from "./count.ts";
import { uniform } from "./layout-rules.ts";
import type { RowRule } from "./node.ts";
import { isFixed, type RowValue, withElements } from "./value.ts";

// Operators that compute with shapes, and constants.

const zero = known(0);
/** Longer lists are not shapes. */
const maxKnown = 16;

const constants: RowRule = (node) => {
  const tensor = node.attribute("value")?.tensor;
  if (tensor !== undefined) return [constantValue(tensor)];
  const int = node.attribute("value_int");
  if (int !== undefined) return [withElements([known(int.int ?? 0)], false)];
  const ints = node.ints("value_ints");
  if (ints !== undefined) return [withElements(ints.map(known), true)];
  const float = node.attribute("value_float");
  if (float !== undefined) return [withElements([known(float.float ?? 0)], false)];
  if (node.attribute("value_string") !== undefined) return [{ dims: [] }];
  const list = node.attribute("value_floats") ?? node.attribute("value_strings");
  return [list === undefined ? { dims: undefined } : { dims: [known(list.count)] }];
};

/** TensorProto.DataType: FLOAT, INT32, INT64, BOOL, DOUBLE. Arithmetic of others wraps around early. */
const counted = new Set([1, 6, 7, 9, 11]);

export function constantValue(tensor: {
  readonly datatype: number;
  readonly dims: readonly number[];
  readonly values: readonly number[] | undefined;
}): RowValue {
  const { datatype, dims, values } = tensor;
  if (dims.length === 1 && dims[0] === 0) return withElements([], true);
  const isSmall = dims.length <= 1 && values !== undefined && counted.has(datatype);
  if (isSmall && values.every(Number.isFinite)) {
    return withElements(values.map(known), dims.length === 1);
  }
  return { dims: dims.map(known) };
}

/** Whatever the values: how many sizes a list has is known, even if they depend on the rows. */
const shapes: RowRule = (node) => {
  const dims = node.elements(0) === undefined ? node.dims(node.value(0)) : node.shapeOf(0);
  const rank = dims.length;
  const place = (name: string, otherwise: number) => {
    const at = node.int(name, otherwise);
    return Math.min(Math.max(at < 0 ? at + rank : at, 0), rank);
  };
  return [withElements(dims.slice(place("start", 0), place("end", rank)), true)];
};

const sizes: RowRule = (node) => {
  const size = product(node.dims(node.value(0))) ?? node.lose("counts rows by rows");
  return [withElements([size], false)];
};

/** A short list with one number is known. */
const fills: RowRule = (node) => {
  const shape = node.counts(0);
  const [length] = shape.length === 1 ? shape.map(numberOf) : [];
  const tensor = node.attribute("value")?.tensor;
  const [element] = tensor === undefined ? [zero] : (constantValue(tensor).elements ?? []);
  if (length === undefined || length > maxKnown || element === undefined)
    return [uniform(node, shape)];
  return [withElements(new Array<Count>(Math.max(length, 0)).fill(element), true)];
};

const ranges: RowRule = (node) => {
  const [start, limit, step] = [node.fixed(0), node.fixed(1), node.fixed(2)].map(
    (value) => value?.elements?.[0] && numberOf(value.elements[0]),
  );
  if (start === undefined || limit === undefined || !step) return [{ dims: [node.size()] }];
  return [{ dims: [known(Math.max(0, Math.ceil((limit - start) / step)))] }];
};

/** Operators that are known, but examine all elements at once, or return as many as they find. */
const mixes: RowRule = (node) => {
  node.fixedFrom(0);
  return Array.from({ length: node.outputCount }, () => ({ dims: undefined }));
};

/** The positions of the ones depend on the positions of the rows. */
const makesIdentity: RowRule = (node) => {
  const value = node.value(0);
  if (!isFixed(value)) node.lose("numbers the rows");
  return [{ dims: value.dims }];
};

const mixing =
  "AffineGrid BlackmanWindow Compress DynamicQuantizeLinear HammingWindow HannWindow MaxUnpool MelWeightMatrix NonMaxSuppression NonZero RoiAlign ScatterND TensorScatter Unique com.microsoft:DynamicQuantizeMatMul com.microsoft:DynamicQuantizeLSTM";

export const sizeRules: Readonly<Record<string, RowRule>> = {
  ...Object.fromEntries(mixing.split(" ").map((op) => [op, mixes])),
  Constant: constants,
  ConstantOfShape: fills,
  EyeLike: makesIdentity,
  Range: ranges,
  Shape: shapes,
  Size: sizes,
};
