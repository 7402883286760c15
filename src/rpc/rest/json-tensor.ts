import { RuntimeError } from "../../base/errors.ts";
import { type Datatype, type Tensor, withArticle } from "../../base/tensor.ts";
import { flattenElements } from "./nesting.ts";
import {
  isNumberDatatype,
  packBooleans,
  packLongs,
  packNumbers,
  unpackLongs,
  unpackNumbers,
} from "./numbers.ts";
import { type BytesForm, packStrings, showElement, unpackStrings } from "./strings.ts";

export interface JsonTensor {
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  /** Product of `shape`. */
  readonly count: number;
  readonly bytesForm: BytesForm;
  /** Names the tensor in messages. */
  readonly what: string;
}

/** The bytes of a tensor whose `data` is flat or nested as its shape says. Throws "invalid-argument" if it is
 *  neither, or if an element does not fit the datatype. */
export function decodeData(data: unknown, tensor: JsonTensor): Uint8Array {
  const { datatype, bytesForm, what } = tensor;
  if (datatype === "FP16" || datatype === "BF16") {
    invalid(`${what}: ${datatype} has no form in JSON: send it as binary data (binary_data_size)`);
  }
  const elements = flattenElements(data, tensor);
  const refuse = (index: number) => refuseElement(elements[index], index, tensor);
  switch (datatype) {
    case "BOOL":
      return packBooleans(elements, refuse);
    case "INT64":
    case "UINT64":
      return packLongs(elements, datatype, refuse);
    case "BYTES":
      return packStrings(elements, bytesForm, what);
    default:
      return packNumbers(elements, datatype, refuse);
  }
}

/** A tensor's elements for `writeJson`, flat. BYTES that are not all UTF-8 become base64, requested or not.
 *  NaN and the infinities, which JSON lacks, become null. Throws "invalid-argument" if JSON cannot represent
 *  the datatype. */
export function encodeData(
  { name, datatype, data }: Tensor,
  wanted: BytesForm,
): { readonly data: readonly unknown[]; readonly bytesForm: BytesForm } {
  if (datatype === "BYTES") return unpackStrings(data, wanted);
  if (isNumberDatatype(datatype)) {
    return { data: unpackNumbers(data, datatype), bytesForm: "text" };
  }
  switch (datatype) {
    case "BOOL":
      return { data: Array.from(data, (byte) => byte !== 0), bytesForm: "text" };
    case "INT64":
    case "UINT64":
      return { data: unpackLongs(data, datatype), bytesForm: "text" };
    case "FP16":
    case "BF16":
      return invalid(
        `output '${name}' is ${datatype}, which has no form in JSON: ask for it with "binary_data": true`,
      );
  }
}

function refuseElement(element: unknown, index: number, tensor: JsonTensor): never {
  const { datatype, shape, what } = tensor;
  if (Array.isArray(element)) {
    invalid(`${what}: element ${index} is an array, which its shape [${shape}] does not ask for`);
  }
  invalid(
    `${what}: element ${index} is ${showElement(element)}, which is not ${withArticle(datatype)}`,
  );
}

function invalid(message: string): never {
  throw new RuntimeError("invalid-argument", message);
}
