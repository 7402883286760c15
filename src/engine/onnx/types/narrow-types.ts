import { RuntimeError } from "../../../base/errors.ts";
import type { Datatype, Tensor } from "../../../base/tensor.ts";
import { OrtValue } from "./ort-value.ts";

/** A datatype that ONNX Runtime's binding does not pass. It travels to the session, and back, in a wider one
 *  that holds each of its values exactly. */
export interface NarrowType {
  /** ONNX's own name. */
  readonly onnxName: string;
  /** The datatype that clients see. */
  readonly datatype: Datatype;
  /** TensorProto.DataType number of the wider datatype. */
  readonly carrier: number;
  /** Whether elements are stored in files as clients see them, not several per byte. */
  readonly isPlain: boolean;
  /** Attributes of the Cast from it. */
  readonly castAttributes: Readonly<Record<string, number>>;
  /** Throws RuntimeError "invalid-argument" for elements that are not values of this datatype. */
  widen(tensor: Tensor): OrtValue;
  /** The inverse; a NaN may come back as another one. */
  narrow(name: string, value: OrtValue): Tensor;
}

/** As the engine writes them. */
const positiveNaN = 0x7fc00000;
const negativeNaN = 0xffc00000;

const float = 1;
const uint8 = 2;
const int8 = 3;

/** By TensorProto.DataType number. */
const narrowTypes = new Map<number, NarrowType>([
  [16, bfloat16()],
  [17, float8("FLOAT8E4M3FN", valuesOf({ mantissaBits: 3, bias: 7, special: "nan" }))],
  [18, float8("FLOAT8E4M3FNUZ", valuesOf({ mantissaBits: 3, bias: 8, special: "unsigned zero" }))],
  [19, float8("FLOAT8E5M2", valuesOf({ mantissaBits: 2, bias: 15, special: "infinity" }))],
  [20, float8("FLOAT8E5M2FNUZ", valuesOf({ mantissaBits: 2, bias: 16, special: "unsigned zero" }))],
  [21, integer("UINT4", 0, 15)],
  [22, integer("INT4", -8, 7)],
  [24, float8("FLOAT8E8M0", powersOfTwo(), {})],
  [25, integer("UINT2", 0, 3)],
  [26, integer("INT2", -2, 1)],
]);

export function narrowType(number: number): NarrowType | undefined {
  return narrowTypes.get(number);
}

/** The upper half of an FP32. */
function bfloat16(): NarrowType {
  return {
    onnxName: "BFLOAT16",
    datatype: "BF16",
    carrier: float,
    isPlain: true,
    castAttributes: {},
    widen({ shape, data }) {
      const count = data.byteLength / 2;
      const words = new Uint32Array(count);
      const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
      for (let at = 0; at < count; at++) words[at] = view.getUint16(2 * at, true) << 16;
      return new OrtValue("float32", new Float32Array(words.buffer), shape);
    },
    narrow(name, value) {
      const words = wordsOf(value);
      const halves = new Uint16Array(words.length);
      for (let at = 0; at < words.length; at++) halves[at] = (words[at] as number) >>> 16;
      const shape = Array.from(value.dims);
      return { name, datatype: "BF16", shape, data: new Uint8Array(halves.buffer) };
    },
  };
}

/** As its bits, in UINT8: the protocol has no name for it. `values`: of each of the 256. */
function float8(
  onnxName: string,
  values: Float32Array<ArrayBuffer>,
  // Otherwise infinities and values that are too large would become the largest number.
  castAttributes: Readonly<Record<string, number>> = { saturate: 0 },
): NarrowType {
  // As integers, since JavaScript has a single NaN, and the engine keeps its sign.
  const words = new Uint32Array(values.buffer);
  for (const [code, value] of values.entries()) {
    if (Number.isNaN(value)) words[code] = code >= 0x80 ? negativeNaN : positiveNaN;
  }
  // Of several with the same sign, the engine produces the last.
  const codes = new Map(Array.from(words, (word, code) => [word, code]));
  const someNaN = values.findIndex(Number.isNaN);
  return {
    onnxName,
    datatype: "UINT8",
    carrier: float,
    isPlain: true,
    castAttributes,
    widen({ shape, data }) {
      const wide = Uint32Array.from(data, (code) => words[code] as number);
      return new OrtValue("float32", new Float32Array(wide.buffer), shape);
    },
    narrow(name, value) {
      const data = Uint8Array.from(wordsOf(value), (word) => codes.get(word) ?? someNaN);
      return { name, datatype: "UINT8", shape: Array.from(value.dims), data };
    },
  };
}

function integer(onnxName: string, least: number, most: number): NarrowType {
  const isSigned = least < 0;
  const datatype = isSigned ? "INT8" : "UINT8";
  return {
    onnxName,
    datatype,
    carrier: isSigned ? int8 : uint8,
    isPlain: false,
    castAttributes: {},
    widen({ name, shape, data }) {
      const elements = isSigned
        ? new Int8Array(data.buffer, data.byteOffset, data.byteLength)
        : data;
      for (const element of elements) {
        if (element >= least && element <= most) continue;
        throw new RuntimeError(
          "invalid-argument",
          `input '${name}' is ${onnxName} in the model: ${element} is outside ${least} to ${most}`,
        );
      }
      return new OrtValue(isSigned ? "int8" : "uint8", elements, shape);
    },
    narrow(name, value) {
      const { buffer, byteOffset, byteLength } = value.data as Int8Array | Uint8Array;
      const data = new Uint8Array(buffer, byteOffset, byteLength);
      return { name, datatype, shape: Array.from(value.dims), data };
    },
  };
}

function wordsOf(value: OrtValue): Uint32Array {
  const { buffer, byteOffset, length } = value.data as Float32Array;
  return new Uint32Array(buffer, byteOffset, length);
}

function valuesOf(form: {
  readonly mantissaBits: number;
  readonly bias: number;
  /** What the last exponent encodes; "unsigned zero": nothing, and minus zero stands for NaN. */
  readonly special: "nan" | "infinity" | "unsigned zero";
}): Float32Array<ArrayBuffer> {
  const { mantissaBits, bias, special } = form;
  const steps = 2 ** mantissaBits;
  const lastExponent = 2 ** (7 - mantissaBits) - 1;
  return Float32Array.from({ length: 256 }, (_, code) => {
    const magnitude = code & 0x7f;
    const exponent = magnitude >> mantissaBits;
    const mantissa = magnitude % steps;
    const sign = code >= 0x80 ? -1 : 1;
    if (special === "unsigned zero" && code === 0x80) return Number.NaN;
    if (special === "nan" && magnitude === 0x7f) return Number.NaN;
    if (special === "infinity" && exponent === lastExponent) {
      return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    }
    if (exponent === 0) return sign * mantissa * 2 ** (1 - bias - mantissaBits);
    return sign * (1 + mantissa / steps) * 2 ** (exponent - bias);
  });
}

function powersOfTwo(): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: 256 }, (_, code) =>
    code === 255 ? Number.NaN : 2 ** (code - 127),
  );
}
