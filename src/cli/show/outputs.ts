import { isUtf8 } from "node:buffer";
import type {
  ModelInferResponse,
  ModelInferResponse_InferOutputTensor,
} from "../../../gen/inference/inference_pb.ts";
import { unpackElements } from "../../base/bytes-elements.ts";
import { decodeElements, type Element } from "../../base/element-codec.ts";
import { printable } from "../../base/errors.ts";
import { showSpec } from "../inputs/tensor-value.ts";

interface Output {
  readonly spec: ModelInferResponse_InferOutputTensor;
  readonly isText: boolean;
  readonly elements: readonly Element[];
}

/** The response as REST has it: flat elements, and BYTES that are not UTF-8 as base64. For `writeLong`. */
export function toInferenceJson(answer: ModelInferResponse) {
  return {
    model_name: answer.modelName,
    ...(answer.modelVersion === "" ? {} : { model_version: answer.modelVersion }),
    ...(answer.id === "" ? {} : { id: answer.id }),
    outputs: readOutputs(answer).map(({ spec, isText, elements }) => ({
      name: spec.name,
      datatype: spec.datatype,
      shape: spec.shape.map(Number),
      ...(isText ? {} : { parameters: { content_type: "base64" } }),
      data: elements.map((element) =>
        Number.isNaN(element) || isInfinite(element) ? null : element,
      ),
    })),
  };
}

/** The response for people: nested by shape, long outputs shortened to their beginning and end. */
export function toInferenceText(answer: ModelInferResponse): string {
  return readOutputs(answer)
    .map(({ spec, isText, elements }) => {
      const shape = spec.shape.map(Number);
      const show = elements.length > fullElements ? edge : Number.POSITIVE_INFINITY;
      const note = isText ? "" : " in base64";
      return `${printable(showSpec(spec))}${note}\n  ${nest(elements, shape, show)}\n`;
    })
    .join("");
}

/** The layout that numpy prints arrays in. */
const fullElements = 1000;
const edge = 3;

function readOutputs({ outputs, rawOutputContents }: ModelInferResponse): Output[] {
  return outputs.map((spec, index) => {
    const data = rawOutputContents[index] ?? new Uint8Array();
    if (spec.datatype === "BYTES") return { spec, ...readTexts(data) };
    return { spec, isText: true, elements: decodeElements(spec.datatype, data) };
  });
}

/** The elements as text, or all of them as base64 if one is not valid UTF-8. */
function readTexts(data: Uint8Array): Pick<Output, "isText" | "elements"> {
  const elements = unpackElements(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  const isText = elements.every((element) => isUtf8(element));
  const encoding = isText ? "utf8" : "base64";
  return { isText, elements: elements.map((element) => element.toString(encoding)) };
}

function nest(elements: readonly Element[], shape: readonly number[], show: number): string {
  const [length, ...rest] = shape;
  if (length === undefined) return showElement(elements[0]);
  const size = rest.reduce((product, dimension) => product * dimension, 1);
  const parts: string[] = [];
  for (let index = 0; index < length; index++) {
    if (index === show && length > 2 * show) {
      parts.push("…");
      index = length - show;
    }
    parts.push(nest(elements.slice(index * size, (index + 1) * size), rest, show));
  }
  return `[${parts.join(", ")}]`;
}

function showElement(element: Element | undefined): string {
  if (typeof element === "string") return printable(JSON.stringify(element));
  // Six digits are enough for people to tell FP32 values apart.
  if (typeof element === "number" && !Number.isInteger(element))
    return `${Number(element.toPrecision(6))}`;
  return String(element);
}

function isInfinite(element: Element): boolean {
  return element === Number.POSITIVE_INFINITY || element === Number.NEGATIVE_INFINITY;
}
