import type { TextTask } from "../../engine/contract/text-facts.ts";
import type { DocumentedModel } from "./openapi-document.ts";
import type { Schema } from "./openapi-tensors.ts";

/** The paths that clients of text models call, as far as there is a model that they can call. */
export function textPaths(models: readonly DocumentedModel[]): Record<string, Schema> {
  const byTask = new Map<TextTask, string[]>();
  for (const { name, version, description } of models) {
    const task = description.text?.task;
    if (task === undefined || version !== "") continue;
    byTask.set(task, [...(byTask.get(task) ?? []), name]);
  }
  if (byTask.size === 0) return {};
  const embedding = byTask.get("embedding") ?? [];
  const rerank = byTask.get("rerank") ?? [];
  const classification = byTask.get("classification") ?? [];
  const all = [...byTask.values()].flat();
  const paths = [
    ...(embedding.length > 0 ? embeddingPaths(embedding) : []),
    ...(embedding.length + rerank.length > 0 ? rerankPaths([...rerank, ...embedding]) : []),
    ...(classification.length > 0 ? [predictPath(classification)] : []),
    tokenizePath(all),
  ];
  return Object.fromEntries(paths);
}

type Path = readonly [path: string, item: Schema];

const text: Schema = { type: "string", minLength: 1 };
const texts: Schema = { type: "array", items: text, minItems: 1 };
const tokens: Schema = { type: "array", items: { type: "integer", minimum: 0 }, minItems: 1 };
const inputs: Schema = {
  oneOf: [text, texts, tokens, { type: "array", items: tokens, minItems: 1 }],
};
const score: Schema = { type: "number" };
const truncate: Schema = {
  type: "boolean",
  description: "Whether a text that is longer than the model is cut, or refused.",
};
const vector: Schema = { type: "array", items: { type: "number", format: "float" } };
const usage: Schema = {
  type: "object",
  properties: { prompt_tokens: { type: "integer" }, total_tokens: { type: "integer" } },
};

const modelOf = (names: readonly string[]): Schema => ({
  type: "string",
  enum: [...new Set(names)],
});
const optionalModel = (names: readonly string[]): Schema => ({
  ...modelOf(names),
  description: "May be left out if only one model can answer.",
});

function embeddingPaths(models: readonly string[]): Path[] {
  const body = object(
    {
      model: modelOf(models),
      input: inputs,
      encoding_format: { type: "string", enum: ["float", "base64"], default: "float" },
      dimensions: { type: "integer", minimum: 1 },
      truncate,
      prompt_name: { type: "string" },
    },
    ["model", "input"],
  );
  const item = object(
    {
      object: { const: "embedding" },
      index: { type: "integer" },
      embedding: { oneOf: [vector, { type: "string", contentEncoding: "base64" }] },
    },
    ["object", "index", "embedding"],
  );
  const answer = object(
    {
      object: { const: "list" },
      data: { type: "array", items: item },
      model: { type: "string" },
      usage,
    },
    ["object", "data", "model", "usage"],
  );
  const embed = object(
    {
      model: optionalModel(models),
      inputs,
      truncate,
      normalize: { type: "boolean" },
      dimensions: { type: "integer", minimum: 1 },
      prompt_name: { type: "string" },
    },
    ["inputs"],
  );
  const similar = object(
    {
      model: optionalModel(models),
      inputs: object({ source_sentence: text, sentences: texts }, ["source_sentence", "sentences"]),
      parameters: object({ truncate }, []),
    },
    ["inputs"],
  );
  return [
    post("/v1/embeddings", "Embeddings, as OpenAI's API has them", { body, answer }),
    post("/embed", "Embeddings, as text-embeddings-inference has them", {
      body: embed,
      answer: { type: "array", items: vector },
    }),
    post("/similarity", "The cosine of one sentence and others", {
      body: similar,
      answer: { type: "array", items: score },
    }),
  ];
}

function rerankPaths(models: readonly string[]): Path[] {
  const document: Schema = {
    oneOf: [{ type: "string" }, object({ text: { type: "string" } }, ["text"])],
  };
  const body = object(
    {
      model: optionalModel(models),
      query: text,
      documents: { type: "array", items: document, minItems: 1 },
      top_n: { type: "integer", minimum: 1 },
      return_documents: { type: "boolean", default: false },
      truncate: { ...truncate, default: true },
    },
    ["query", "documents"],
  );
  const result = object(
    {
      index: { type: "integer" },
      relevance_score: score,
      document: object({ text: { type: "string" } }, ["text"]),
    },
    ["index", "relevance_score"],
  );
  const answer = object(
    {
      id: { type: "string" },
      model: { type: "string" },
      results: { type: "array", items: result },
      usage,
      meta: { type: "object" },
    },
    ["id", "results"],
  );
  const summary = "Documents by how well they answer a query, as Cohere's and Jina's APIs have it";
  return ["/v1/rerank", "/v2/rerank", "/rerank"].map((path) =>
    post(path, summary, { body, answer }),
  );
}

function predictPath(models: readonly string[]): Path {
  const body = object(
    {
      model: optionalModel(models),
      inputs: { oneOf: [text, { type: "array", items: { oneOf: [text, texts] }, minItems: 1 }] },
      truncate,
      raw_scores: { type: "boolean", default: false },
    },
    ["inputs"],
  );
  const classes = {
    type: "array",
    items: object({ label: { type: "string" }, score }, ["label", "score"]),
  };
  const answer = { oneOf: [classes, { type: "array", items: classes }] };
  return post("/predict", "The classes of texts, as text-embeddings-inference has them", {
    body,
    answer,
  });
}

function tokenizePath(models: readonly string[]): Path {
  const body = object(
    {
      model: optionalModel(models),
      inputs: { oneOf: [text, texts] },
      add_special_tokens: { type: "boolean", default: true },
    },
    ["inputs"],
  );
  const place: Schema = { type: ["integer", "null"], description: "In code points of the text." };
  const token = object(
    {
      id: { type: "integer" },
      text: { type: "string" },
      special: { type: "boolean" },
      start: place,
      stop: place,
    },
    ["id", "text", "special"],
  );
  const list = { type: "array", items: token };
  return post("/tokenize", "The tokens of texts", { body, answer: { type: "array", items: list } });
}

function object(properties: Readonly<Record<string, Schema>>, required: readonly string[]): Schema {
  return { type: "object", properties, ...(required.length > 0 && { required }) };
}

function post(
  path: string,
  summary: string,
  { body, answer }: { readonly body: Schema; readonly answer: Schema },
): Path {
  const json = (schema: Schema) => ({ "application/json": { schema } });
  const operation = {
    summary,
    // Generators derive names from it.
    operationId: `text-${path.slice(1).replaceAll("/", "-")}`,
    tags: ["text"],
    requestBody: { required: true, content: json(body) },
    responses: {
      200: { description: "OK", content: json(answer) },
      default: {
        description: "An error, in the form of the API that the path belongs to.",
        content: json({ type: "object" }),
      },
    },
  };
  return [path, { post: operation }];
}
