import type { ScoreCall } from "../../service/contract/text.ts";
import { isObject, JsonFields, refuseMany } from "./json-fields.ts";
import { readTruncation } from "./read-truncation.ts";

/** A request to rank documents, in the form of Cohere, of Jina, or of TEI. */
export interface RerankBody {
  /** TEI's has `texts` in place of `documents`, and its own answer. */
  readonly form: "cohere" | "tei";
  readonly model: string | undefined;
  /** How many of the best to return; undefined: all. */
  readonly topN: number | undefined;
  readonly returnsDocuments: boolean;
  /** Of Cohere's version 2: a text is cut after that many tokens. */
  readonly maxTokensPerDocument: number | undefined;
  readonly call: ScoreCall;
}

/** Throws "invalid-argument" with the field. */
export function readRerankBody(json: unknown): RerankBody {
  const fields = new JsonFields(json);
  const isTei = fields.any("texts") !== undefined && fields.any("documents") === undefined;
  return isTei ? readTeiRerank(new JsonFields(json)) : readCohereRerank(new JsonFields(json));
}

function readCohereRerank(fields: JsonFields): RerankBody {
  const model = fields.string("model");
  const query = fields.required("query", fields.string("query"));
  const documents = fields.required("documents", readDocuments(fields, "documents"));
  const topN = fields.integer("top_n", 1);
  const returnsDocuments = fields.boolean("return_documents") ?? false;
  const maxTokensPerDocument = fields.integer("max_tokens_per_doc", 1);
  // Cohere and Jina cut documents that are too long for the model.
  const truncation = readTruncation(fields, "model");
  // Of other documents than texts, and of billing and scheduling.
  fields.end(["user", "priority"]);
  return {
    form: "cohere",
    model,
    topN,
    returnsDocuments,
    maxTokensPerDocument,
    call: { query, documents, ...truncation },
  };
}

function readTeiRerank(fields: JsonFields): RerankBody {
  const model = fields.string("model");
  const query = fields.required("query", fields.string("query"));
  const documents = fields.required("texts", readDocuments(fields, "texts"));
  const raw = fields.boolean("raw_scores");
  const returnsDocuments = fields.boolean("return_text") ?? false;
  const truncation = readTruncation(fields, "error");
  fields.end();
  return {
    form: "tei",
    model,
    topN: undefined,
    returnsDocuments,
    maxTokensPerDocument: undefined,
    call: { query, documents, raw, ...truncation },
  };
}

function readDocuments(fields: JsonFields, name: string): readonly string[] | undefined {
  const value = fields.any(name);
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw fields.refusal(name, "must be a list of documents");
  refuseMany(fields, name, value.length);
  return value.map((each: unknown, at) => {
    if (typeof each === "string") return each;
    // Other fields of a document are for the client.
    if (isObject(each) && typeof each["text"] === "string") return each["text"];
    throw fields.refusal(`${name}[${at}]`, "must be a string, or an object with a string 'text'");
  });
}
