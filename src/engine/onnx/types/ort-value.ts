import { alignedView } from "../../../base/aligned-view.ts";
import { packElements } from "../../../base/bytes-elements.ts";
import { RuntimeError } from "../../../base/errors.ts";
import { packTexts } from "../../../base/packed-texts.ts";
import { type Datatype, elementCount, type Tensor } from "../../../base/tensor.ts";
import type { StringEscape } from "./string-escape.ts";
import { decodeStrings } from "./string-tensor.ts";

type NumericArray =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

interface NumericView {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): NumericArray;
  readonly BYTES_PER_ELEMENT: number;
}

/** A datatype in ONNX Runtime's terms. BYTES has no view: its elements are JavaScript strings. */
interface ElementType {
  readonly datatype: Datatype;
  readonly ortName: string;
  readonly view?: NumericView;
}

/** FP16 is passed as its bits. */
const elementTypes: readonly ElementType[] = [
  { datatype: "FP32", ortName: "float32", view: Float32Array },
  { datatype: "UINT8", ortName: "uint8", view: Uint8Array },
  { datatype: "INT8", ortName: "int8", view: Int8Array },
  { datatype: "UINT16", ortName: "uint16", view: Uint16Array },
  { datatype: "INT16", ortName: "int16", view: Int16Array },
  { datatype: "INT32", ortName: "int32", view: Int32Array },
  { datatype: "INT64", ortName: "int64", view: BigInt64Array },
  { datatype: "BYTES", ortName: "string" },
  { datatype: "BOOL", ortName: "bool", view: Uint8Array },
  { datatype: "FP16", ortName: "float16", view: Uint16Array },
  { datatype: "FP64", ortName: "float64", view: Float64Array },
  { datatype: "UINT32", ortName: "uint32", view: Uint32Array },
  { datatype: "UINT64", ortName: "uint64", view: BigUint64Array },
];
const byDatatype = new Map(elementTypes.map((type) => [type.datatype, type]));
const byOrtName = new Map(elementTypes.map((type) => [type.ortName, type]));

/** Values passed to and from the binding. The binding is called directly because the public session adds a
 *  turn of the event loop to every run, and the public Tensor turns FP16 into a Float16Array on Node 24,
 *  which the binding then refuses. */
export class OrtValue {
  readonly location = "cpu";
  readonly type: string;
  readonly data: NumericArray | string[];
  readonly dims: readonly number[];

  constructor(type: string, data: NumericArray | string[], dims: readonly number[]) {
    this.type = type;
    this.data = data;
    this.dims = dims;
  }
}

/** Shares the bytes of `tensor`. Throws RuntimeError "invalid-argument" for values that the engine cannot
 *  take. */
export function toOrtValue(
  { name, datatype, shape, data }: Tensor,
  escaping?: StringEscape,
): OrtValue {
  const type = byDatatype.get(datatype);
  if (type === undefined) {
    throw new RuntimeError("invalid-argument", `input '${name}': no ${datatype} here`);
  }
  if (type.view === undefined) {
    const strings = decodeStrings(data, `input '${name}'`);
    if (strings.length !== elementCount(shape, `input '${name}'`)) {
      throw new RuntimeError(
        "invalid-argument",
        `input '${name}' has ${strings.length} elements for shape [${shape}]`,
      );
    }
    if (escaping !== undefined && strings.some((text) => escaping.isEscaped(text))) {
      throw new RuntimeError(
        "invalid-argument",
        `input '${name}' has a private-use character, which stands for bytes that are not UTF-8 in this model's texts`,
      );
    }
    return new OrtValue(type.ortName, strings, shape);
  }
  if (datatype === "BOOL" && data.some((byte) => byte > 1)) {
    // A C++ bool of any other value is undefined behaviour.
    throw new RuntimeError(
      "invalid-argument",
      `input '${name}' is BOOL: every byte must be 0 or 1`,
    );
  }
  return new OrtValue(type.ortName, alignedView(data, type.view), shape);
}

/** Shares the bytes of `value`. Throws RuntimeError "run-failed" for anything but a tensor that can be
 *  served. */
export function fromOrtValue(name: string, value: unknown, escaping?: StringEscape): Tensor {
  if (!(value instanceof OrtValue)) {
    throw new RuntimeError("run-failed", `output '${name}' is missing or is not a tensor`);
  }
  const type = byOrtName.get(value.type);
  if (type === undefined) {
    throw new RuntimeError(
      "run-failed",
      `output '${name}' has the datatype ${value.type}, which cannot be served`,
    );
  }
  const shape = Array.from(value.dims);
  const { data } = value;
  if (Array.isArray(data)) {
    const isEscaped = escaping !== undefined && data.some((text) => escaping.isEscaped(text));
    const bytes = isEscaped
      ? packElements(data.map((text) => escaping.unescape(text)))
      : packTexts(data);
    return { name, datatype: type.datatype, shape, data: bytes };
  }
  if (data.length !== elementCount(shape, `output '${name}'`)) {
    throw new RuntimeError("run-failed", `output '${name}' does not fit its shape`);
  }
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, datatype: type.datatype, shape, data: bytes };
}
