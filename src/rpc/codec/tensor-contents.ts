import type { MessageInitShape } from "@bufbuild/protobuf";
import type { InferTensorContentsSchema } from "../../../gen/inference/inference_pb.ts";
import { alignedView, bytesOf } from "../../base/aligned-view.ts";
import { packElements, unpackElements } from "../../base/bytes-elements.ts";
import { RuntimeError } from "../../base/errors.ts";
import { type Datatype, type Tensor, withArticle } from "../../base/tensor.ts";
import { PackedStrings, type TypedContents } from "./infer-message.ts";

// The typed form of tensors: numbers in the field of their datatype. Inside the runtime, tensors are
// little-endian bytes, which is the byte order of every machine that ONNX Runtime supports.

type Field = keyof TypedContents;
type NumberField = "intContents" | "uintContents" | "fp32Contents" | "fp64Contents";
type NumberArray =
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Float32Array
  | Float64Array;
type NumberArrayType = {
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): NumberArray;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): NumberArray;
};

/** The representation of one datatype's elements in a message. */
type Form =
  | { readonly tag: "number"; readonly field: NumberField; readonly array: NumberArrayType }
  | {
      readonly tag: "bigint";
      readonly field: "int64Contents";
      readonly array: typeof BigInt64Array;
    }
  | {
      readonly tag: "bigint";
      readonly field: "uint64Contents";
      readonly array: typeof BigUint64Array;
    }
  | { readonly tag: "bool"; readonly field: "boolContents" }
  | { readonly tag: "bytes"; readonly field: "bytesContents" }
  | { readonly tag: "raw-only" };

const forms: Record<Datatype, Form> = {
  BOOL: { tag: "bool", field: "boolContents" },
  INT8: { tag: "number", field: "intContents", array: Int8Array },
  INT16: { tag: "number", field: "intContents", array: Int16Array },
  INT32: { tag: "number", field: "intContents", array: Int32Array },
  INT64: { tag: "bigint", field: "int64Contents", array: BigInt64Array },
  UINT8: { tag: "number", field: "uintContents", array: Uint8Array },
  UINT16: { tag: "number", field: "uintContents", array: Uint16Array },
  UINT32: { tag: "number", field: "uintContents", array: Uint32Array },
  UINT64: { tag: "bigint", field: "uint64Contents", array: BigUint64Array },
  FP16: { tag: "raw-only" },
  BF16: { tag: "raw-only" },
  FP32: { tag: "number", field: "fp32Contents", array: Float32Array },
  FP64: { tag: "number", field: "fp64Contents", array: Float64Array },
  BYTES: { tag: "bytes", field: "bytesContents" },
};

const protoNames: Record<Field, string> = {
  boolContents: "bool_contents",
  intContents: "int_contents",
  int64Contents: "int64_contents",
  uintContents: "uint_contents",
  uint64Contents: "uint64_contents",
  fp32Contents: "fp32_contents",
  fp64Contents: "fp64_contents",
  bytesContents: "bytes_contents",
};
const fields = Object.keys(protoNames) as Field[];

export function hasTypedForm(datatype: Datatype): boolean {
  return forms[datatype].tag !== "raw-only";
}

export function isEmptyContents(contents: TypedContents): boolean {
  return fields.every((field) => contents[field].length === 0);
}

/** The bytes of a tensor of `count` elements, as a view if `contents` has that layout. `what` names it in
 *  messages. Throws "invalid-argument" if the elements are in another field than the datatype's, too many, too
 *  few or out of range. */
export function decodeContents(
  contents: TypedContents | undefined,
  tensor: { readonly datatype: Datatype; readonly count: number; readonly what: string },
): Uint8Array {
  const { datatype, count, what } = tensor;
  const form = forms[datatype];
  if (form.tag === "raw-only") {
    invalid(`${what}: ${datatype} has no field in contents: send it in raw_input_contents`);
  }
  if (contents !== undefined) refuseOtherFields(contents, form.field, tensor);
  const length = contents?.[form.field].length ?? 0;
  if (length !== count) {
    invalid(
      `${what} has ${length} elements in ${protoNames[form.field]}, expected ${count} for its shape`,
    );
  }
  if (contents === undefined) return new Uint8Array(0);
  switch (form.tag) {
    case "number":
      return packNumbers(contents[form.field], form.array, what);
    case "bigint":
      return packBigInts(contents[form.field], form.array);
    case "bool":
      return packBools(contents.boolContents);
    case "bytes":
      return packByteElements(contents.bytesContents);
  }
}

/** The typed form of a tensor that has one. */
export function encodeContents(tensor: Tensor): MessageInitShape<typeof InferTensorContentsSchema> {
  const form = forms[tensor.datatype];
  switch (form.tag) {
    case "number":
      return { [form.field]: Array.from(alignedView(tensor.data, form.array)) };
    case "bigint":
      return {
        [form.field]: Array.from(
          alignedView<BigInt64Array | BigUint64Array>(tensor.data, form.array),
        ),
      };
    case "bool":
      return { boolContents: Array.from(tensor.data, (byte) => byte !== 0) };
    case "bytes":
      return { bytesContents: unpackElements(tensor.data) };
    case "raw-only":
      throw new RuntimeError("run-failed", `${tensor.datatype} has no typed form`);
  }
}

function refuseOtherFields(
  contents: TypedContents,
  right: Field,
  { datatype, what }: { readonly datatype: Datatype; readonly what: string },
): void {
  const wrong = fields.find((field) => field !== right && contents[field].length > 0);
  if (wrong === undefined) return;
  invalid(
    `${what} has elements in ${protoNames[wrong]}, but ${datatype} belongs in ${protoNames[right]}`,
  );
}

function packNumbers(values: ArrayLike<number>, type: NumberArrayType, what: string): Uint8Array {
  if (values instanceof type) return bytesOf(values);
  const packed = new type(values.length);
  packed.set(values);
  // int_contents and uint_contents also carry narrower integers, which a typed array would wrap.
  if (type.BYTES_PER_ELEMENT < 4) {
    for (let index = 0; index < packed.length; index++) {
      if (packed[index] === values[index]) continue;
      const range = `${type.name.replace("Array", "").toUpperCase()}`;
      invalid(`${what}: element ${index} is ${values[index]}, which is not ${withArticle(range)}`);
    }
  }
  return bytesOf(packed);
}

function packBigInts(
  values: ArrayLike<bigint>,
  type: typeof BigInt64Array | typeof BigUint64Array,
): Uint8Array {
  return bytesOf(values instanceof type ? values : type.from(values));
}

function packBools(values: ArrayLike<boolean | number>): Uint8Array {
  return values instanceof Uint8Array ? values : Uint8Array.from(values, Number);
}

function packByteElements(elements: TypedContents["bytesContents"]): Uint8Array {
  if (elements instanceof PackedStrings) return elements.data;
  return packElements(elements);
}

function invalid(message: string): never {
  throw new RuntimeError("invalid-argument", message);
}
