import type { EmbedCall } from "../../service/contract/text.ts";
import { JsonFields } from "./json-fields.ts";
import { readTruncation } from "./read-truncation.ts";
import { readTextInputs } from "./token-lists.ts";

/** A request to OpenAI's /v1/embeddings. */
export interface EmbeddingsBody {
  readonly model: string;
  readonly format: "float" | "base64";
  readonly call: EmbedCall;
}

/** As OpenAI's own service has it. */
const mostInputs = 2_048;

/** Throws "invalid-argument" with the field. Beside OpenAI's fields it knows vLLM's and TEI's for truncation, and the
 *  name of a prompt. */
export function readEmbeddingsBody(json: unknown): EmbeddingsBody {
  const fields = new JsonFields(json);
  const model = fields.required("model", fields.string("model"));
  const texts = fields.required("input", readTextInputs(fields, "input", mostInputs));
  const format = fields.oneOf("encoding_format", ["float", "base64"]) ?? "float";
  const dimensions = fields.integer("dimensions", 1);
  const prompt = fields.string("prompt_name");
  const truncation = readTruncation(fields, "error");
  // Names the end user, which changes nothing.
  fields.string("user");
  fields.end();
  return { model, format, call: { texts, dimensions, prompt, ...truncation } };
}
