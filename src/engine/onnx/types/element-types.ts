import type { Datatype } from "../../../base/tensor.ts";

/** By TensorProto.DataType number. */
const datatypes: Readonly<Record<number, Datatype>> = {
  1: "FP32",
  2: "UINT8",
  3: "INT8",
  4: "UINT16",
  5: "INT16",
  6: "INT32",
  7: "INT64",
  8: "BYTES",
  9: "BOOL",
  10: "FP16",
  11: "FP64",
  12: "UINT32",
  13: "UINT64",
};

/** The binding does not pass them, and the engine has no Cast for them. */
const unserved: Readonly<Record<number, string>> = {
  14: "COMPLEX64",
  15: "COMPLEX128",
  23: "FLOAT4E2M1",
};

/** The protocol's name for a TensorProto.DataType number; undefined for those that ONNX Runtime's binding
 *  does not pass. */
export function datatypeOf(number: number): Datatype | undefined {
  return datatypes[number];
}

/** ONNX's own name for a datatype that cannot be served in any way. */
export function unservedName(number: number): string | undefined {
  return unserved[number];
}
