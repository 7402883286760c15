import { RuntimeError } from "../../base/errors.ts";
import { BareNumber } from "../../base/json-float.ts";
import { elementCount, type Tensor } from "../../base/tensor.ts";
import type { InferenceRequest } from "../../service/contract/models.ts";
import { refuseSequence, refuseSharedMemory } from "../codec/refused-parameters.ts";
import { requestParameters } from "../codec/request-parameters.ts";
import { requestedClasses } from "../codec/requested-classes.ts";
import { readDatatype, refuseDuplicates } from "../codec/tensor-checks.ts";
import { readTimeoutUs } from "../connect/inference-timeout.ts";
import { longText, maxTextBytes } from "../guard/text-limit.ts";
import { parseJson } from "./json.ts";
import { decodeData } from "./json-tensor.ts";
import type { BytesForm } from "./strings.ts";
import type { V1Model } from "./v1-request.ts";

/** How one output is returned. */
export interface OutputForm {
  readonly binary: boolean;
  readonly bytesForm: BytesForm;
}

export interface RestInference {
  readonly inference: InferenceRequest;
  /** What the response must repeat. */
  readonly id: string | undefined;
  readonly timeoutUs: bigint | undefined;
  readonly forms: OutputForms;
  /** The protocol of the answer, for requests that show theirs in their body; otherwise the caller knows. */
  readonly wire?: AnswerWire;
}

/** "v1-columns": V1's answer to a request with `inputs`, which has TensorFlow Serving's column form too. */
export type AnswerWire = "v1" | "v1-columns" | "v2";

/** How each output is returned. Plain data: it passes between threads. */
export interface OutputForms {
  readonly byName: ReadonlyMap<string, OutputForm>;
  readonly others: OutputForm;
}

export function formOf(forms: OutputForms, outputName: string): OutputForm {
  return forms.byName.get(outputName) ?? forms.others;
}

export interface RestInferenceBody {
  /** JSON, then the elements of binary tensors in input order. Already inflated. */
  readonly body: Uint8Array;
  /** The header Inference-Header-Content-Length: bytes of JSON, as decimal digits. Absent: the whole body. */
  readonly jsonLength: string | undefined;
  readonly modelId: string;
  readonly version: string;
  /** For a request of V1: its model. */
  readonly v1?: V1Model;
  /** For a body that is not one of V1's: what else it may be. */
  readonly platform?: PlatformBody;
}

/** A request to a platform's path for predictions: CSV, with the names of columns in its first row or without, or JSON of
 *  any protocol. */
export type PlatformBody =
  | { readonly tag: "csv"; readonly hasHeader: boolean }
  | { readonly tag: "json" };

type Json = Readonly<Record<string, unknown>>;

/** Checks that the request is consistent; whether it fits the model is checked elsewhere. Binary tensors are
 *  views into `body`. Unknown parameters are ignored. Throws "invalid-argument", naming tensor and model. */
export function decodeRestInference(sent: RestInferenceBody): RestInference {
  const { json, binary } = split(sent);
  const parsed = parseJson(json, "the request", { bareNumbers: true });
  return readRestInference(parsed, binary, sent);
}

/** As `decodeRestInference`, of a request whose JSON was read. */
export function readRestInference(
  parsed: unknown,
  binary: Uint8Array,
  sent: Omit<RestInferenceBody, "body">,
): RestInference {
  const { modelId, version } = sent;
  const request = asObject(parsed, "the request");
  const parameters = parametersOf(request, "the request");
  refuseSequence((name) => parameters[name] as object | undefined);
  const blobs = new BlobReader(binary, sent.jsonLength !== undefined);
  const inputs = asArray(request["inputs"], "inputs").map((input, index) =>
    decodeInput(asObject(input, `inputs[${index}]`), blobs, modelId),
  );
  blobs.end();
  const outputs = decodeOutputs(request, parameters, modelId);
  refuseDuplicates(
    inputs.map(({ name }) => name),
    `input of model '${modelId}'`,
  );
  const sentId = request["id"] ?? undefined;
  const id = sentId === undefined ? undefined : asString(sentId, "id");
  const single = requestParameters(Object.entries(parameters));
  return {
    inference: {
      version,
      inputs,
      outputs: outputs.names,
      ...(outputs.classes.size > 0 && { classes: outputs.classes }),
      ...(single && { parameters: single }),
    },
    id,
    timeoutUs: readTimeoutUs(parameters["timeout"] ?? undefined),
    forms: outputs.forms,
  };
}

function split({ body, jsonLength }: RestInferenceBody): { json: Uint8Array; binary: Uint8Array } {
  if (jsonLength === undefined) return { json: body, binary: new Uint8Array(0) };
  const length = /^\d{1,15}$/.test(jsonLength) ? Number(jsonLength) : -1;
  if (length < 0 || length > body.length) {
    invalid(
      `Inference-Header-Content-Length is '${jsonLength}', expected the number of bytes of JSON in a body of ${body.length} bytes`,
    );
  }
  return { json: body.subarray(0, length), binary: body.subarray(length) };
}

/** Hands out the bytes after the JSON, piece by piece. */
class BlobReader {
  readonly #bytes: Uint8Array;
  readonly #announced: boolean;
  #offset = 0;

  constructor(bytes: Uint8Array, announced: boolean) {
    this.#bytes = bytes;
    this.#announced = announced;
  }

  take(size: unknown, what: string): Uint8Array {
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
      invalid(`${what}: binary_data_size must be a number of bytes`);
    }
    // KServe's client leaves the header out when all of its tensors are empty.
    if (!this.#announced && size > 0) {
      invalid(
        `${what} has binary_data_size, but the header Inference-Header-Content-Length is missing`,
      );
    }
    const start = this.#offset;
    const left = this.#bytes.length - start;
    if (size > left) {
      invalid(`${what} has binary_data_size ${size}, but only ${left} bytes are left in the body`);
    }
    this.#offset += size;
    return this.#bytes.subarray(start, this.#offset);
  }

  end(): void {
    const left = this.#bytes.length - this.#offset;
    if (left > 0) invalid(`the body has ${left} bytes that do not belong to any input`);
  }
}

function decodeInput(input: Json, blobs: BlobReader, modelId: string): Tensor {
  const name = asString(input["name"], `name of an input for model '${modelId}'`);
  const what = `input '${name}' for model '${modelId}'`;
  const datatype = readDatatype(asString(input["datatype"], `datatype of ${what}`), what);
  const shape = asArray(input["shape"], `shape of ${what}`).map((dimension) => {
    if (typeof dimension === "number") return dimension;
    // This rounds beyond 2^53, but stays beyond, where it is refused.
    if (typeof dimension === "bigint") return Number(dimension);
    return invalid(`shape of ${what} must be an array of integers`);
  });
  const count = elementCount(shape, what);
  const parameters = parametersOf(input, what);
  refuseSharedMemory((name) => parameters[name] as object | undefined, what);
  const sizeBytes = parameters["binary_data_size"] ?? undefined;
  const data = input["data"] ?? undefined;
  if (sizeBytes !== undefined) {
    if (data !== undefined) invalid(`${what} has both data and binary_data_size`);
    return { name, datatype, shape, data: blobs.take(sizeBytes, what) };
  }
  if (data === undefined) invalid(`${what} has neither data nor binary_data_size`);
  const bytesForm = bytesFormOf(parameters);
  return {
    name,
    datatype,
    shape,
    data: decodeData(data, { datatype, shape, count, bytesForm, what }),
  };
}

function decodeOutputs(
  request: Json,
  parameters: Json,
  modelId: string,
): {
  readonly names: string[];
  readonly classes: ReadonlyMap<string, number>;
  readonly forms: OutputForms;
} {
  const classes = new Map<string, number>();
  const binaryByDefault = asFlag(parameters["binary_data_output"], "binary_data_output") ?? false;
  const others: OutputForm = { binary: binaryByDefault, bytesForm: "text" };
  const byName = new Map<string, OutputForm>();
  const names = asArray(request["outputs"] ?? [], "outputs").map((item, index) => {
    const output = asObject(item, `outputs[${index}]`);
    const name = asString(output["name"], `name of outputs[${index}]`);
    const own = parametersOf(output, `output '${name}'`);
    refuseSharedMemory((each) => own[each] as object | undefined, `output '${name}'`);
    const binary = asFlag(own["binary_data"], `binary_data of output '${name}'`);
    const count = requestedClasses(own["classification"], name);
    if (count !== undefined) classes.set(name, count);
    byName.set(name, { binary: binary ?? binaryByDefault, bytesForm: bytesFormOf(own) });
    return name;
  });
  refuseDuplicates(names, `output of model '${modelId}'`);
  return { names, classes, forms: { byName, others } };
}

// rest-proxy knows both names. Other content types are hints for other servers.
function bytesFormOf(parameters: Json): BytesForm {
  const contentType = parameters["content_type"];
  return contentType === "base64" || contentType === "b64" ? "base64" : "text";
}

function parametersOf(owner: Json, what: string): Json {
  return asObject(owner["parameters"] ?? {}, `parameters of ${what}`);
}

function asObject(value: unknown, what: string): Json {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject || value instanceof BareNumber) {
    invalid(`${what} must be a JSON object`);
  }
  return value as Json;
}

function asArray(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) invalid(`${what} must be an array`);
  return value;
}

function asString(value: unknown, what: string): string {
  if (typeof value !== "string") invalid(`${what} must be a string`);
  // A letter has up to three bytes, which are only counted where they could be too many.
  const sizeBytes = value.length * 3 > maxTextBytes ? Buffer.byteLength(value) : 0;
  if (sizeBytes > maxTextBytes) invalid(longText(what, sizeBytes));
  return value;
}

function asFlag(value: unknown, what: string): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "boolean") invalid(`${what} must be true or false`);
  return value;
}

function invalid(message: string): never {
  throw new RuntimeError("invalid-argument", message);
}
