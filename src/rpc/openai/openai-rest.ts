import type { FastifyInstance } from "fastify";
import { abortable } from "../../base/abort.ts";
import { accountOf } from "../guard/call-memory.ts";
import { addRestRoute, jsonReply, type RestCall, type RestReply } from "../rest/add-route.ts";
import { modelCard, modelCards } from "../rest/model-cards.ts";
import { JsonPieces } from "../text/json-pieces.ts";
import { observedOf, readTextBody, type TextRestParts } from "../text/text-rest.ts";
import { vectorJson } from "../text/vector-json.ts";
import { openAiForm } from "./openai-form.ts";

/** POST /embeddings, as OpenAI has it. `scope` is a REST scope with the prefix /v1 or /openai/v1. */
export function openAiEmbeddings(scope: FastifyInstance, parts: TextRestParts): void {
  const answer = (call: RestCall) => embeddings(call, parts);
  const route = { methods: ["POST"], paths: ["/embeddings"], form: openAiForm, answer } as const;
  addRestRoute(scope, route, parts);
}

/** GET /models and /models/:model, as OpenAI has them. `scope` is a REST scope with the prefix /openai/v1: below /v1,
 *  KServe's V1 answers both in one. */
export function openAiModels(scope: FastifyInstance, parts: TextRestParts): void {
  const form = openAiForm;
  const list = () => jsonReply({ object: "list", data: modelCards(parts.texts) });
  addRestRoute(scope, { methods: ["GET"], paths: ["/models"], form, answer: list }, parts);
  const retrieve = ({ model }: RestCall) => {
    return jsonReply(modelCard(model, parts.texts.facts(model)));
  };
  addRestRoute(
    scope,
    { methods: ["GET"], paths: ["/models/:model"], form, answer: retrieve },
    parts,
  );
}

async function embeddings(rest: RestCall, parts: TextRestParts): Promise<RestReply> {
  const { request, signal } = rest;
  const { model, format, call } = await readTextBody("embeddings", rest, parts);
  const observed = observedOf(request);
  observed?.model?.(model);
  const { vectors, tokens } = await abortable(
    parts.texts.embed(model, { ...call, times: observed?.times }, signal),
    signal,
  );
  const resultMs = performance.now();
  const pieces = new JsonPieces(accountOf(request));
  await pieces.add('{"object":"list","data":[');
  for (const [index, vector] of vectors.entries()) {
    const comma = index === 0 ? "" : ",";
    const embedding = vectorJson(vector, format);
    const more = `${comma}{"object":"embedding","index":${index},"embedding":${embedding}}`;
    const added = pieces.add(more);
    if (added !== undefined) await added;
  }
  const total = tokens.reduce((sum, count) => sum + count, 0);
  const usage = { prompt_tokens: total, total_tokens: total };
  const tail = JSON.stringify({ model, usage });
  await pieces.add(`],${tail.slice(1)}`);
  const reply = await pieces.reply();
  observed?.encoded?.(performance.now() - resultMs);
  return reply;
}
