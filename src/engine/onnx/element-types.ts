import type { Datatype } from "../../tensor.ts";

/** By the number of TensorProto.DataType. */
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

const names: Readonly<Record<number, string>> = {
  14: "COMPLEX64",
  15: "COMPLEX128",
  16: "BFLOAT16",
  17: "FLOAT8E4M3FN",
  18: "FLOAT8E4M3FNUZ",
  19: "FLOAT8E5M2",
  20: "FLOAT8E5M2FNUZ",
  21: "UINT4",
  22: "INT4",
  23: "FLOAT4E2M1",
  24: "FLOAT8E8M0",
  25: "UINT2",
  26: "INT2",
};

/** The protocol's name of a number of TensorProto.DataType; undefined for those that the binding of ONNX
 *  Runtime does not pass. */
export function datatypeOf(number: number): Datatype | undefined {
  return datatypes[number];
}

/** ONNX's own name of a datatype that the protocol lacks. */
export function onnxTypeName(number: number): string {
  return names[number] ?? `number ${number} of TensorProto.DataType`;
}
