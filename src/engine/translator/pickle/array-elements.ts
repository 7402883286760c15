import type { NumpyArray } from "./numpy-array.ts";
import type { DtypeField, NumpyDtype } from "./numpy-dtype.ts";
import type { PythonValue } from "./python-value.ts";
import { refuse, shown } from "./refuse.ts";

/** Elements of an array of numbers or bools as doubles, in row-major order. Whole numbers beyond 2^53 are rounded.
 *  `what`: what messages call the array. */
export function toDoubles(array: NumpyArray, what: string): Float64Array {
  const { content, dtype } = array;
  if (!(content instanceof Uint8Array)) {
    return Float64Array.from(content, (item) => {
      if (typeof item !== "number" && typeof item !== "boolean") notNumbers(dtype, what);
      return Number(item);
    });
  }
  const values = readNumbers(content, { dtype, offset: 0, stride: dtype.itemBytes, what });
  return array.isFortran ? inRowOrder(values, array.shape) : values;
}

/** One field of an array of records, as doubles. */
export function fieldDoubles(array: NumpyArray, name: string, what: string): Float64Array {
  const { dtype, offset } = fieldOf(array, name) ?? refuse(`${what} has no field '${name}'`);
  const content = array.content as Uint8Array;
  return readNumbers(content, { dtype, offset, stride: array.dtype.itemBytes, what });
}

export function fieldOf(array: NumpyArray, name: string): DtypeField | undefined {
  return array.dtype.fields.get(name);
}

/** Elements of any array in row-major order, as Python would have them: texts, numbers, bools, objects. */
export function toItems(array: NumpyArray, what: string): readonly PythonValue[] {
  const { content, dtype } = array;
  let items: readonly PythonValue[];
  if (!(content instanceof Uint8Array)) items = content;
  else if (dtype.kind === "U") items = readTexts(content, dtype);
  else if (dtype.kind === "b") return Array.from(toDoubles(array, what), (value) => value !== 0);
  else return Array.from(toDoubles(array, what));
  return array.isFortran ? inRowOrder(items, array.shape) : items;
}

interface Layout {
  readonly dtype: NumpyDtype;
  readonly offset: number;
  readonly stride: number;
  readonly what: string;
}

function readNumbers(bytes: Uint8Array, { dtype, offset, stride, what }: Layout): Float64Array {
  const read = elementReader(dtype) ?? notNumbers(dtype, what);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isLittle = !dtype.isBigEndian;
  const count = stride === 0 ? 0 : bytes.length / stride;
  const values = new Float64Array(count);
  for (let at = 0, from = offset; at < count; at++, from += stride) {
    values[at] = read(view, from, isLittle);
  }
  return values;
}

type ElementReader = (view: DataView, at: number, isLittle: boolean) => number;

const readers: Readonly<Record<string, ElementReader>> = {
  f2: (view, at, isLittle) => halfToDouble(view.getUint16(at, isLittle)),
  f4: (view, at, isLittle) => view.getFloat32(at, isLittle),
  f8: (view, at, isLittle) => view.getFloat64(at, isLittle),
  i1: (view, at) => view.getInt8(at),
  i2: (view, at, isLittle) => view.getInt16(at, isLittle),
  i4: (view, at, isLittle) => view.getInt32(at, isLittle),
  i8: (view, at, isLittle) => Number(view.getBigInt64(at, isLittle)),
  u1: (view, at) => view.getUint8(at),
  b1: (view, at) => view.getUint8(at),
  u2: (view, at, isLittle) => view.getUint16(at, isLittle),
  u4: (view, at, isLittle) => view.getUint32(at, isLittle),
  u8: (view, at, isLittle) => Number(view.getBigUint64(at, isLittle)),
};

function elementReader(dtype: NumpyDtype): ElementReader | undefined {
  const key = `${dtype.kind}${dtype.itemBytes}`;
  return Object.hasOwn(readers, key) ? readers[key] : undefined;
}

function halfToDouble(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/** UTF-32, filled up with zeros. */
function readTexts(bytes: Uint8Array, { itemBytes, isBigEndian }: NumpyDtype): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const texts: string[] = [];
  for (let start = 0; start < bytes.length; start += itemBytes) {
    let text = "";
    for (let at = start; at < start + itemBytes; at += 4) {
      const code = view.getUint32(at, !isBigEndian);
      if (code > 0x10ffff) refuse("the file has a text with a character that does not exist");
      text += String.fromCodePoint(code);
    }
    texts.push(text.replace(/\0+$/, ""));
  }
  return texts;
}

/** A copy whose last index varies fastest, of elements whose first one does. */
function inRowOrder<T extends Float64Array | readonly PythonValue[]>(
  values: T,
  shape: readonly number[],
): T {
  const ordered = values.slice() as { [index: number]: unknown };
  const strides: number[] = [];
  let stride = 1;
  for (const dimension of shape) {
    strides.push(stride);
    stride *= dimension;
  }
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < values.length; to++) {
    ordered[to] = values[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const step = strides[axis] as number;
      from += step;
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      from -= step * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return ordered as unknown as T;
}

function notNumbers(dtype: NumpyDtype, what: string): never {
  return refuse(`${what} has dtype '${shown(`${dtype}`)}', expected numbers`);
}
