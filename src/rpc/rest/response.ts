import { Readable } from "node:stream";
import type { Tensor } from "../../base/tensor.ts";
import type { InferenceResult } from "../../service/contract/models.ts";
import { isLong } from "../codec/tensor-slices.ts";
import { writeJson } from "./json.ts";
import { encodeData } from "./json-tensor.ts";
import { formOf, type OutputForm, type OutputForms } from "./request.ts";
import { bytesFormOf, dataSlices } from "./slices.ts";

export interface RestAnswer {
  readonly body: Buffer | Readable;
  readonly sizeBytes: number;
  /** Bytes of JSON at the start of `body`; undefined if the response is only JSON. */
  readonly jsonLength: number | undefined;
}

interface Asked {
  readonly modelId: string;
  readonly id: string | undefined;
  readonly forms: OutputForms;
}

interface JsonOutput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly parameters?: { readonly binary_data_size?: number; readonly content_type?: string };
  readonly data?: readonly unknown[];
}

/** The response to an inference: JSON, followed by the elements of outputs in binary form. Long JSON is
 *  written in slices, between which the event loop turns; `make` is called with its size before it is kept,
 *  and may delay it. Throws "invalid-argument" if an output requested as JSON cannot be represented there. */
export function encodeRestInference(
  result: InferenceResult,
  asked: Asked,
  make: (bytes: number) => Promise<void> | undefined = () => undefined,
): RestAnswer | Promise<RestAnswer> {
  const hasLong = result.outputs.some(
    (tensor) => !formOf(asked.forms, tensor.name).binary && isLong(tensor),
  );
  if (hasLong) return encodeInSlices(result, asked, make);
  const outputs = result.outputs.map((tensor) => encodeOutput(tensor, asked));
  const json = writeJson({ ...headOf(result, asked), outputs });
  const blobs = blobsOf(result, asked);
  if (blobs === undefined) return { body: json, sizeBytes: json.length, jsonLength: undefined };
  const body = Buffer.concat([json, ...blobs]);
  return { body, sizeBytes: body.length, jsonLength: json.length };
}

async function encodeInSlices(
  result: InferenceResult,
  asked: Asked,
  make: (bytes: number) => Promise<void> | undefined,
): Promise<RestAnswer> {
  const pieces: Uint8Array[] = [];
  let jsonLength = 0;
  const add = async (piece: Buffer) => {
    await make(piece.length);
    pieces.push(piece);
    jsonLength += piece.length;
  };
  await add(Buffer.from(`${JSON.stringify(headOf(result, asked)).slice(0, -1)},"outputs":[`));
  for (const [index, tensor] of result.outputs.entries()) {
    if (index > 0) await add(Buffer.from(","));
    const form = formOf(asked.forms, tensor.name);
    if (form.binary || !isLong(tensor)) {
      await add(writeJson(encodeOutput(tensor, asked)));
      continue;
    }
    const bytesForm = await bytesFormOf(tensor, form.bytesForm);
    const { name, datatype, shape } = tensor;
    const parameters = bytesForm === "text" ? {} : { parameters: { content_type: "base64" } };
    const head = JSON.stringify({ name, datatype, shape, ...parameters });
    await add(Buffer.from(`${head.slice(0, -1)},"data":[`));
    for await (const slice of dataSlices(tensor, bytesForm)) await add(slice);
    await add(Buffer.from("]}"));
  }
  await add(Buffer.from("]}"));
  const blobs = blobsOf(result, asked);
  pieces.push(...(blobs ?? []));
  const sizeBytes = pieces.reduce((sum, { length }) => sum + length, 0);
  return {
    body: Readable.from(pieces, { objectMode: false }),
    sizeBytes,
    jsonLength: blobs === undefined ? undefined : jsonLength,
  };
}

function headOf({ version }: InferenceResult, { modelId, id }: Asked): object {
  return {
    model_name: modelId,
    ...(version === "" ? {} : { model_version: version }),
    ...(id === undefined ? {} : { id }),
  };
}

/** Undefined if no output is in binary form. */
function blobsOf({ outputs }: InferenceResult, { forms }: Asked): Uint8Array[] | undefined {
  const binary = outputs.filter(({ name }) => formOf(forms, name).binary);
  return binary.length === 0 ? undefined : binary.map(({ data }) => data);
}

function encodeOutput(tensor: Tensor, { forms }: Asked): JsonOutput {
  const { name, datatype, shape } = tensor;
  const form: OutputForm = formOf(forms, name);
  if (form.binary) {
    return { name, datatype, shape, parameters: { binary_data_size: tensor.data.length } };
  }
  const { data, bytesForm } = encodeData(tensor, form.bytesForm);
  if (bytesForm === "text") return { name, datatype, shape, data };
  return { name, datatype, shape, parameters: { content_type: "base64" }, data };
}
