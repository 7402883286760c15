import type {
  ClassifyCall,
  EmbedCall,
  SimilarityCall,
  TextOrPair,
  TokenizeCall,
} from "../../service/contract/text.ts";
import { JsonFields, readTexts, refuseMany } from "./json-fields.ts";
import { readTruncation } from "./read-truncation.ts";
import { readTextInputs } from "./token-lists.ts";

// The requests of Hugging Face's text-embeddings-inference. All may name their model, which theirs cannot.

export interface TeiBody<Call> {
  readonly model: string | undefined;
  readonly call: Call;
}

export function readTeiEmbed(json: unknown): TeiBody<EmbedCall> {
  const fields = new JsonFields(json);
  const model = fields.string("model");
  const texts = fields.required("inputs", readTextInputs(fields, "inputs"));
  const normalise = fields.boolean("normalize");
  const dimensions = fields.integer("dimensions", 1);
  const prompt = fields.string("prompt_name");
  const truncation = readTruncation(fields, "error");
  fields.end();
  return { model, call: { texts, normalise, dimensions, prompt, ...truncation } };
}

/** `isBatch`: whether the answer has a list for each text. */
export interface TeiPredictBody extends TeiBody<ClassifyCall> {
  readonly isBatch: boolean;
}

export function readTeiPredict(json: unknown): TeiPredictBody {
  const fields = new JsonFields(json);
  const model = fields.string("model");
  const inputs = fields.required("inputs", fields.any("inputs"));
  const isBatch = Array.isArray(inputs) && Array.isArray(inputs[0]);
  if (isBatch) refuseMany(fields, "inputs", inputs.length);
  const texts = isBatch
    ? inputs.map((each: unknown, at) => readSequence(fields, `inputs[${at}]`, each))
    : [readSequence(fields, "inputs", inputs)];
  const raw = fields.boolean("raw_scores");
  const truncation = readTruncation(fields, "error");
  fields.end();
  return { model, isBatch, call: { texts, raw, ...truncation } };
}

export function readTeiSimilarity(json: unknown): TeiBody<SimilarityCall> {
  const fields = new JsonFields(json);
  const model = fields.string("model");
  const inputs = new JsonFields(fields.required("inputs", fields.any("inputs")), "inputs");
  const source = inputs.required("source_sentence", inputs.string("source_sentence"));
  const sentences = inputs.required("sentences", readTexts(inputs, "sentences"));
  inputs.end();
  const parameters = new JsonFields(fields.any("parameters") ?? {}, "parameters");
  const truncation = readTruncation(parameters, "error");
  parameters.end();
  fields.end();
  return { model, call: { source, sentences, ...truncation } };
}

export function readTeiTokenize(json: unknown): TeiBody<TokenizeCall> {
  const fields = new JsonFields(json);
  const model = fields.string("model");
  const texts = fields.required("inputs", readTexts(fields, "inputs"));
  const addSpecial = fields.boolean("add_special_tokens") ?? true;
  fields.end();
  return { model, call: { texts, addSpecial } };
}

/** A text, or a list of one text or of the two of a pair. */
function readSequence(fields: JsonFields, name: string, value: unknown): TextOrPair {
  if (typeof value === "string") return value;
  const isList = Array.isArray(value) && value.every((each) => typeof each === "string");
  if (isList && value.length === 1) return value[0] as string;
  if (isList && value.length === 2) return [value[0] as string, value[1] as string];
  throw fields.refusal(
    name,
    "must be a string, a list of one string, or of the two of a pair; send several texts as a list of such lists",
  );
}
