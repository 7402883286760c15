import type { InferenceResult } from "../service/models.ts";
import type { Tensor } from "../tensor.ts";
import { writeJson } from "./rest-json.ts";
import type { OutputForm } from "./rest-request.ts";
import { encodeData } from "./rest-tensor.ts";

export interface RestAnswer {
  readonly body: Buffer;
  /** Bytes of JSON at the start of `body`; undefined if the answer is nothing but JSON. */
  readonly jsonLength: number | undefined;
}

/** The answer to an inference: JSON, and after it the elements of those outputs that go in binary form.
 *  Throws "invalid-argument" if an output that is to go as JSON has no form there. */
export function encodeRestInference(
  result: InferenceResult,
  asked: {
    readonly modelId: string;
    readonly id: string | undefined;
    readonly formOf: (outputName: string) => OutputForm;
  },
): RestAnswer {
  const blobs: Uint8Array[] = [];
  const outputs = result.outputs.map((tensor) =>
    encodeOutput(tensor, asked.formOf(tensor.name), blobs),
  );
  const json = writeJson({
    model_name: asked.modelId,
    ...(result.version === "" ? {} : { model_version: result.version }),
    ...(asked.id === undefined ? {} : { id: asked.id }),
    outputs,
  });
  if (!outputs.some(({ parameters }) => parameters?.binary_data_size !== undefined)) {
    return { body: json, jsonLength: undefined };
  }
  return { body: Buffer.concat([json, ...blobs]), jsonLength: json.length };
}

interface JsonOutput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly parameters?: { readonly binary_data_size?: number; readonly content_type?: string };
  readonly data?: readonly unknown[];
}

function encodeOutput(tensor: Tensor, form: OutputForm, blobs: Uint8Array[]): JsonOutput {
  const { name, datatype, shape } = tensor;
  if (form.binary) {
    blobs.push(tensor.data);
    return { name, datatype, shape, parameters: { binary_data_size: tensor.data.length } };
  }
  const { data, bytesForm } = encodeData(tensor, form.bytesForm);
  if (bytesForm === "text") return { name, datatype, shape, data };
  return { name, datatype, shape, parameters: { content_type: "base64" }, data };
}
