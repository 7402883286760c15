import { randomUUID } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { abortable } from "../../base/abort.ts";
import type { Scored } from "../../service/contract/text.ts";
import type { ErrorForm } from "../failures/error-form.ts";
import { FieldError } from "../failures/field-error.ts";
import { accountOf } from "../guard/call-memory.ts";
import { addRestRoute, type RestCall, type RestReply } from "../rest/add-route.ts";
import { chooseModel } from "../text/choose-model.ts";
import { JsonPieces } from "../text/json-pieces.ts";
import type { RerankBody } from "../text/rerank-body.ts";
import { observedOf, readTextBody, type TextRestParts } from "../text/text-rest.ts";
import { rankedJson } from "./ranked.ts";
import { rerankForm, sharedRerankForm } from "./rerank-form.ts";

/** POST /rerank in the form of Cohere and Jina. `scope` is a REST scope with the prefix /v1, /v2 or /openai/v1. */
export function rerankRest(scope: FastifyInstance, parts: TextRestParts): void {
  addRerank(scope, parts, rerankForm);
}

/** The same without a prefix, where TEI's clients call too: a request with `texts` is theirs. */
export function sharedRerankRest(scope: FastifyInstance, parts: TextRestParts): void {
  addRerank(scope, parts, sharedRerankForm);
}

function addRerank(scope: FastifyInstance, parts: TextRestParts, form: ErrorForm): void {
  const answer = (call: RestCall) => rerank(call, parts);
  addRestRoute(scope, { methods: ["POST"], paths: ["/rerank"], form, answer }, parts);
}

async function rerank(rest: RestCall, parts: TextRestParts): Promise<RestReply> {
  const { request, signal } = rest;
  const { texts } = parts;
  const body = await readTextBody("rerank", rest, parts);
  const model = modelOf(body, rest, parts);
  const observed = observedOf(request);
  observed?.model?.(model);
  const call = { ...body.call, times: observed?.times };
  const scored = await abortable(texts.score(model, call, signal), signal);
  const resultMs = performance.now();
  const pieces = new JsonPieces(accountOf(request));
  await (body.form === "tei"
    ? writeTei(pieces, body, scored)
    : writeCohere(pieces, { body, scored, model, path: request.url ?? "" }));
  const reply = await pieces.reply();
  observed?.encoded?.(performance.now() - resultMs);
  return reply;
}

function modelOf(
  { model: named, maxTokensPerDocument: most }: RerankBody,
  { request }: RestCall,
  { texts }: TextRestParts,
): string {
  const rerankers = texts.serving().some(({ facts }) => facts.task === "rerank");
  const tasks = rerankers ? (["rerank"] as const) : (["embedding"] as const);
  const model = chooseModel(texts, named, { request, tasks });
  if (most !== undefined) refuseShorter(most, model, texts);
  return model;
}

function refuseShorter(most: number, model: string, texts: TextRestParts["texts"]): void {
  const { maxTokens } = texts.facts(model);
  if (most >= maxTokens) return;
  throw new FieldError(
    "max_tokens_per_doc",
    `'max_tokens_per_doc' is ${most}, expected at least ${maxTokens}, where model '${model}' cuts by itself`,
  );
}

async function writeTei(
  pieces: JsonPieces,
  { returnsDocuments, call }: RerankBody,
  { scores }: Scored,
): Promise<void> {
  await pieces.add("[");
  await rankedJson(pieces, scores, ({ index, score }) => {
    return { index, score, ...(returnsDocuments && { text: call.documents[index] }) };
  });
  await pieces.add("]");
}

/** Cohere's answer, with what Jina's has beside it. */
async function writeCohere(
  pieces: JsonPieces,
  {
    body,
    scored,
    model,
    path,
  }: {
    readonly body: RerankBody;
    readonly scored: Scored;
    readonly model: string;
    readonly path: string;
  },
): Promise<void> {
  const { topN, returnsDocuments, call } = body;
  const head = JSON.stringify({ id: randomUUID(), object: "list", model });
  await pieces.add(`${head.slice(0, -1)},"results":[`);
  await rankedJson(
    pieces,
    scored.scores,
    ({ index, score }) => ({
      index,
      relevance_score: score,
      ...(returnsDocuments && { document: { text: call.documents[index] } }),
    }),
    topN,
  );
  const tokens = scored.tokens.reduce((sum, count) => sum + count, 0);
  const version = path.startsWith("/v2/") ? "2" : "1";
  const meta = {
    api_version: { version },
    billed_units: { search_units: 1 },
    tokens: { input_tokens: tokens },
  };
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  await pieces.add(`],${JSON.stringify({ meta, usage }).slice(1)}`);
}
