import type { FastifyInstance } from "fastify";
import { abortable } from "../../base/abort.ts";
import type { TextTask } from "../../engine/contract/text-facts.ts";
import type { TextCall } from "../../service/contract/text.ts";
import type { ErrorForm } from "../failures/error-form.ts";
import { accountOf } from "../guard/call-memory.ts";
import { addRestRoute, jsonReply, type RestCall, type RestReply } from "../rest/add-route.ts";
import { chooseModel } from "../text/choose-model.ts";
import { JsonPieces } from "../text/json-pieces.ts";
import { teiErrorType } from "../text/tei-error-type.ts";
import type { TextBodyName, TextBodyOf } from "../text/text-bodies.ts";
import { observedOf, readTextBody, type TextRestParts } from "../text/text-rest.ts";
import { vectorJson } from "../text/vector-json.ts";
import { teiInfo } from "./tei-info.ts";
import { classesJson, tokensJson } from "./tei-json.ts";

const form: ErrorForm = ({ message, code }) => ({ error: message, error_type: teiErrorType(code) });
const anyTask: readonly TextTask[] = [
  "embedding",
  "rerank",
  "classification",
  "token-classification",
];

/** What one of TEI's routes does. */
interface TeiRoute<Name extends TextBodyName, Result> {
  readonly path: string;
  readonly body: Name;
  readonly tasks: readonly TextTask[];
  run(
    id: string,
    body: TextBodyOf<Name>,
    call: RestCall & Pick<TextCall, "times">,
  ): Promise<Result>;
  /** The items of the answer, each as JSON. */
  show(result: Result, body: TextBodyOf<Name>): Iterable<string>;
  /** Whether the answer is the only item itself, without a list around it. */
  isBare?(body: TextBodyOf<Name>): boolean;
}

/** The API of Hugging Face's text-embeddings-inference, but for /rerank, which others have too. `scope` has no prefix.
 *  Its server has one model; which one is meant here, see `chooseModel`. */
export function teiRest(scope: FastifyInstance, parts: TextRestParts): void {
  const { texts } = parts;
  const add = <Name extends TextBodyName, Result>(route: TeiRoute<Name, Result>) => {
    const answer = (call: RestCall) => answerTei(route, call, parts);
    addRestRoute(scope, { methods: ["POST"], paths: [route.path], form, answer }, parts);
  };
  add({
    path: "/embed",
    body: "tei-embed",
    tasks: ["embedding"],
    run: (id, { call }, { signal, times }) => texts.embed(id, { ...call, times }, signal),
    show: ({ vectors }) => lazily(vectors, (vector) => vectorJson(vector, "float")),
  });
  add({
    path: "/predict",
    body: "tei-predict",
    tasks: ["classification"],
    run: (id, { call }, { signal, times }) => texts.classify(id, { ...call, times }, signal),
    show: ({ labels, scores }) => lazily(scores, (row) => classesJson(labels, row)),
    isBare: ({ isBatch }) => !isBatch,
  });
  add({
    path: "/similarity",
    body: "tei-similarity",
    tasks: ["embedding"],
    run: (id, { call }, { signal, times }) => texts.similarity(id, { ...call, times }, signal),
    show: ({ scores }) => lazily(scores, String),
  });
  add({
    path: "/tokenize",
    body: "tei-tokenize",
    tasks: anyTask,
    run: (id, { call }, { signal }) => texts.tokenize(id, call, signal),
    show: (tokenized, { call }) =>
      lazily(tokenized, ({ tokens }, at) => tokensJson(tokens, call.texts[at] ?? "")),
  });
  const info = ({ request }: RestCall): RestReply => {
    const id = chooseModel(texts, undefined, { request, tasks: anyTask });
    return jsonReply(teiInfo(id, texts.facts(id), parts.version));
  };
  addRestRoute(scope, { methods: ["GET"], paths: ["/info"], form, answer: info }, parts);
}

async function answerTei<Name extends TextBodyName, Result>(
  route: TeiRoute<Name, Result>,
  rest: RestCall,
  parts: TextRestParts,
): Promise<RestReply> {
  const { request, signal } = rest;
  const body = await readTextBody(route.body, rest, parts);
  const named = "model" in body ? body.model : undefined;
  const id = chooseModel(parts.texts, named, { request, tasks: route.tasks });
  const observed = observedOf(request);
  observed?.model?.(id);
  const call = { ...rest, times: observed?.times };
  const result = await abortable(route.run(id, body, call), signal);
  const resultMs = performance.now();
  const pieces = new JsonPieces(accountOf(request));
  const isBare = route.isBare?.(body) === true;
  let before = isBare ? "" : "[";
  for (const item of route.show(result, body)) {
    const added = pieces.add(before + item);
    if (added !== undefined) await added;
    before = ",";
  }
  if (!isBare) await pieces.add("]");
  const reply = await pieces.reply();
  observed?.encoded?.(performance.now() - resultMs);
  return reply;
}

/** Made one by one, while the answer is written. */
function* lazily<Item>(
  items: Iterable<Item>,
  show: (item: Item, at: number) => string,
): Iterable<string> {
  let at = 0;
  for (const item of items) yield show(item, at++);
}
