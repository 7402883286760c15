import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { InferTensorContentsSchema } from "../../gen/inference/inference_pb.ts";
import { RuntimeError } from "../errors.ts";
import type { Datatype, Tensor } from "../tensor.ts";
import { decodeBase64 } from "./rest-base64.ts";
import { jsonInteger, jsonMinusZero } from "./rest-json.ts";
import { flattenElements } from "./rest-nesting.ts";
import { decodeContents, encodeContents, hasTypedForm } from "./tensor-contents.ts";

// JSON's form of a tensor's elements, by way of the typed form of gRPC, which has the same structure.

type Contents = MessageInitShape<typeof InferTensorContentsSchema>;
type Elements = readonly unknown[];

/** How the elements of BYTES travel in JSON. */
export type BytesForm = "text" | "base64";

export interface JsonTensor {
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  /** Product of `shape`. */
  readonly count: number;
  readonly bytesForm: BytesForm;
  /** Names the tensor in messages. */
  readonly what: string;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The bytes of a tensor whose `data` is flat or nested as its shape says. Throws "invalid-argument" if
 *  it is neither, or if an element is not one of the datatype. */
export function decodeData(data: unknown, tensor: JsonTensor): Uint8Array {
  const { datatype, count, what } = tensor;
  if (!hasTypedForm(datatype)) {
    invalid(`${what}: ${datatype} has no form in JSON, send it as binary data (binary_data_size)`);
  }
  const elements = flattenElements(data, tensor);
  const contents = create(InferTensorContentsSchema, readElements(elements, tensor));
  return decodeContents(contents, { datatype, count, what });
}

/** The elements of a tensor for `writeJson`, flat. BYTES that are not all UTF-8 come as base64, asked for
 *  or not. NaN and the infinities, for which JSON has no form, become null. Throws "invalid-argument" if
 *  the datatype has no form in JSON. */
export function encodeData(
  tensor: Tensor,
  wanted: BytesForm,
): { readonly data: Elements; readonly bytesForm: BytesForm } {
  if (!hasTypedForm(tensor.datatype)) {
    invalid(
      `output '${tensor.name}' is ${tensor.datatype}, which has no form in JSON: ask for it with "binary_data": true`,
    );
  }
  const contents = encodeContents(tensor);
  if (contents.bytesContents !== undefined) return encodeBytes(contents.bytesContents, wanted);
  const integers = contents.int64Contents ?? contents.uint64Contents;
  if (integers !== undefined) return { data: integers.map(jsonInteger), bytesForm: "text" };
  const floats = contents.fp32Contents ?? contents.fp64Contents;
  if (floats !== undefined) return { data: keepMinusZeros(floats), bytesForm: "text" };
  const data = contents.boolContents ?? contents.intContents ?? contents.uintContents ?? [];
  return { data, bytesForm: "text" };
}

function encodeBytes(elements: readonly Uint8Array[], wanted: BytesForm) {
  if (wanted === "text") {
    try {
      return { data: elements.map((element) => utf8.decode(element)), bytesForm: wanted };
    } catch {
      // Not UTF-8: base64 is the form that loses nothing.
    }
  }
  const data = elements.map(({ buffer, byteOffset, length }) =>
    Buffer.from(buffer, byteOffset, length).toString("base64"),
  );
  return { data, bytesForm: "base64" as const };
}

function keepMinusZeros(floats: readonly number[]): Elements {
  if (!floats.some((float) => Object.is(float, -0))) return floats;
  return floats.map((float) => (Object.is(float, -0) ? jsonMinusZero : float));
}

function readElements(elements: Elements, tensor: JsonTensor): Contents {
  const { datatype, what } = tensor;
  switch (datatype) {
    case "BOOL":
      checkEach(elements, (element) => typeof element === "boolean", tensor);
      return { boolContents: elements as boolean[] };
    case "INT8":
    case "INT16":
    case "INT32":
      return { intContents: readIntegers(elements, tensor) };
    case "UINT8":
    case "UINT16":
    case "UINT32":
      return { uintContents: readIntegers(elements, tensor) };
    case "INT64":
      return { int64Contents: readBigIntegers(elements, tensor) };
    case "UINT64":
      return { uint64Contents: readBigIntegers(elements, tensor) };
    case "FP32":
      return { fp32Contents: readFloats(elements, tensor) };
    case "FP64":
      return { fp64Contents: readFloats(elements, tensor) };
    case "BYTES":
      return {
        bytesContents: elements.map((element, index) =>
          readBytes(element, tensor.bytesForm, `${what}: element ${index}`),
        ),
      };
    case "FP16":
    case "BF16":
      return {};
  }
}

const ranges = {
  INT8: [-(2 ** 7), 2 ** 7 - 1],
  INT16: [-(2 ** 15), 2 ** 15 - 1],
  INT32: [-(2 ** 31), 2 ** 31 - 1],
  UINT8: [0, 2 ** 8 - 1],
  UINT16: [0, 2 ** 16 - 1],
  UINT32: [0, 2 ** 32 - 1],
} as const;
const bigRanges = {
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
  UINT64: [0n, 2n ** 64n - 1n],
} as const;

function readIntegers(elements: Elements, tensor: JsonTensor): number[] {
  const [least, most] = ranges[tensor.datatype as keyof typeof ranges];
  const fits = (element: unknown) =>
    typeof element === "number" && Number.isInteger(element) && element >= least && element <= most;
  checkEach(elements, fits, tensor);
  return elements as number[];
}

function readBigIntegers(elements: Elements, tensor: JsonTensor): bigint[] {
  const [least, most] = bigRanges[tensor.datatype as keyof typeof bigRanges];
  const fits = (element: unknown) => {
    if (typeof element === "bigint") return element >= least && element <= most;
    // An integer beyond 2^53 is a bigint here, unless it came with a fraction or an exponent, rounded.
    return Number.isSafeInteger(element) && BigInt(element as number) >= least;
  };
  checkEach(elements, fits, tensor);
  return elements.map((element) => BigInt(element as number | bigint));
}

function readFloats(elements: Elements, tensor: JsonTensor): number[] {
  const floats = elements.map((element) =>
    typeof element === "bigint" ? Number(element) : element,
  );
  const narrow = tensor.datatype === "FP32" ? Math.fround : (wide: number) => wide;
  const fits = (element: unknown) =>
    typeof element === "number" && Number.isFinite(narrow(element));
  checkEach(floats, fits, tensor);
  return floats as number[];
}

function readBytes(element: unknown, form: BytesForm, what: string): Uint8Array {
  if (Array.isArray(element)) {
    const isByte = (byte: unknown) =>
      Number.isInteger(byte) && Number(byte) >= 0 && Number(byte) <= 255;
    if (!element.every(isByte)) invalid(`${what} has items that are no bytes from 0 to 255`);
    return Uint8Array.from(element);
  }
  if (typeof element !== "string") invalid(`${what} is ${show(element)}, which is no string`);
  if (form === "base64") return decodeBase64(element, what);
  if (!element.isWellFormed()) {
    invalid(`${what} has half of a surrogate pair, which is no text: send it as base64`);
  }
  return Buffer.from(element);
}

function checkEach(
  elements: Elements,
  fits: (element: unknown) => boolean,
  { datatype, what }: JsonTensor,
): void {
  const index = elements.findIndex((element) => !fits(element));
  if (index >= 0) {
    invalid(`${what}: element ${index} is ${show(elements[index])}, which is no ${datatype}`);
  }
}

function show(element: unknown): string {
  if (typeof element === "bigint" || typeof element === "number") return String(element);
  const text = JSON.stringify(element) ?? "undefined";
  return text.length <= 40 ? text : `${text.slice(0, 39)}…`;
}

function invalid(message: string): never {
  throw new RuntimeError("invalid-argument", message);
}
