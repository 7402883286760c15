import type { Datatype } from "../../../src/base/tensor.ts";
import { packElements } from "../../support/models/tensor-elements.ts";
import { elementsOf, type ZooElement, type ZooTensor } from "../zoo-tensor.ts";
import { urlOf } from "./rest-binary.ts";
import { postInference } from "./rest-exchange.ts";
import type { Way } from "./way.ts";

/** Numbers are as they were spelled, since JSON.parse would round those of 64 bits. */
interface JsonOutput {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly string[];
  readonly data: readonly (string | boolean | null)[];
  readonly parameters?: { readonly content_type?: string };
}

/** REST with all elements in the JSON. */
export function restJson(baseUrl: string): Way {
  return {
    name: "REST, JSON",
    tellsNonFinite: false,
    carries: ({ datatype }) => datatype !== "FP16" && datatype !== "BF16",
    async infer(model, tensors) {
      const body = Buffer.from(`{"inputs":[${tensors.map(spellInput).join(",")}]}`);
      const { head } = await postInference(urlOf(baseUrl, model), { body });
      return readOutputs(head).map(toTensor);
    },
  };
}

function spellInput(tensor: ZooTensor): string {
  const { name, datatype, shape } = tensor;
  const elements = elementsOf(tensor);
  const isBinary = elements.some((element) => element instanceof Uint8Array && !isText(element));
  const spelled = elements.map((element) => spell(element, isBinary)).join(",");
  const facts = JSON.stringify({
    name,
    datatype,
    shape,
    ...(isBinary ? { parameters: { content_type: "base64" } } : {}),
  });
  return `${facts.slice(0, -1)},"data":[${spelled}]}`;
}

function spell(element: ZooElement, isBinary: boolean): string {
  if (element instanceof Uint8Array) {
    return JSON.stringify(Buffer.from(element).toString(isBinary ? "base64" : "utf8"));
  }
  return Object.is(element, -0) ? "-0" : String(element);
}

function isText(bytes: Uint8Array): boolean {
  return Buffer.from(Buffer.from(bytes).toString("utf8")).equals(bytes);
}

/** As TypeScript's library has it not yet: the text that a value was read from. */
type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

function readOutputs(head: string): readonly JsonOutput[] {
  const spelling: Reviver = (_key, value, { source }) =>
    typeof value === "number" ? source : value;
  const parsed = JSON.parse(head, spelling as (key: string, value: unknown) => unknown);
  return (parsed as { outputs: JsonOutput[] }).outputs;
}

function toTensor({ name, datatype, shape, data, parameters }: JsonOutput): ZooTensor {
  const dimensions = shape.map(Number);
  if (parameters?.content_type === "base64") {
    const pieces = data.flatMap((text) => withLength(Buffer.from(String(text), "base64")));
    return { name, datatype, shape: dimensions, data: Buffer.concat(pieces) };
  }
  const elements = data.map((element) => readElement(datatype, element));
  return { name, datatype, shape: dimensions, data: packElements(datatype, elements) };
}

function readElement(datatype: Datatype, element: string | boolean | null) {
  if (typeof element === "boolean") return element;
  if (element === null) return Number.NaN;
  if (datatype === "BYTES") return element;
  return datatype === "INT64" || datatype === "UINT64" ? BigInt(element) : Number(element);
}

function withLength(bytes: Buffer): Buffer[] {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.byteLength);
  return [length, bytes];
}
