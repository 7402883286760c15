import { decodeElements, type Element } from "../../base/element-codec.ts";
import type { Datatype } from "../../base/tensor.ts";

/** A numpy array. `elements` are in row-major order. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly elements: readonly Element[];
}

const magic = "\x93NUMPY";

/** By numpy's names, without the byte order. */
const datatypes: Readonly<Record<string, Datatype>> = {
  b1: "BOOL",
  i1: "INT8",
  i2: "INT16",
  i4: "INT32",
  i8: "INT64",
  u1: "UINT8",
  u2: "UINT16",
  u4: "UINT32",
  u8: "UINT64",
  f2: "FP16",
  f4: "FP32",
  f8: "FP64",
};

/** Reads a file written by numpy.save, format 1.0 to 3.0 (see numpy.lib.format). Throws an Error whose message
 *  is for the user. */
export function readNpy(bytes: Uint8Array): NpyArray {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < 12 || file.toString("latin1", 0, 6) !== magic) {
    throw new Error("it was not written by numpy.save");
  }
  // Version 1 has a header length of two bytes, later versions of four.
  const lengthBytes = file[6] === 1 ? 2 : 4;
  const start = 8 + lengthBytes;
  const end = start + file.readUIntLE(8, lengthBytes);
  const header = file.toString("latin1", start, end);
  const [, order, kind = ""] = /'descr': *'([<>|=]?)([a-zA-Z]\d+)'/.exec(header) ?? [];
  const [, isFortran] = /'fortran_order': *(True|False)/.exec(header) ?? [];
  const [, dimensions] = /'shape': *\(([\d, ]*)\)/.exec(header) ?? [];
  if (order === undefined || isFortran === undefined || dimensions === undefined) {
    throw new Error(`its header cannot be read: ${header.trim().slice(0, 100)}`);
  }
  const datatype = datatypes[kind];
  if (datatype === undefined || order === ">") {
    throw new Error(`it holds ${order}${kind}: expected little-endian numbers`);
  }
  if (isFortran === "True") {
    throw new Error("it is in column-major order: save numpy.ascontiguousarray(a)");
  }
  const shape = dimensions
    .split(",")
    .filter((part) => part.trim() !== "")
    .map(Number);
  const elements = decodeElements(datatype, file.subarray(end));
  const expected = shape.reduce((product, dimension) => product * dimension, 1);
  if (elements.length !== expected) {
    throw new Error(`it holds ${elements.length} elements, but its shape needs ${expected}`);
  }
  return { shape, elements };
}
