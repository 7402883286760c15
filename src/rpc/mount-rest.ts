import type { FastifyInstance } from "fastify";
import { caikitForm } from "./caikit/rest-failure.ts";
import { caikitInfoRest, caikitTaskRest } from "./caikit/rest-routes.ts";
import { openAiForm } from "./openai/openai-form.ts";
import { openAiEmbeddings, openAiModels } from "./openai/openai-rest.ts";
import { openApi } from "./pages/openapi.ts";
import { rerankRest, sharedRerankRest } from "./rerank/rerank-rest.ts";
import { restScope } from "./rest/add-route.ts";
import { type InferenceRestParts, inferenceRest } from "./rest/inference-routes.ts";
import { v1Rest } from "./rest/v1-rest.ts";
import { teiRest } from "./tei/tei-rest.ts";
import type { TextRestParts } from "./text/text-rest.ts";
import { watchLines } from "./watch/lines.ts";
import type { RuntimeWatchParts } from "./watch/runtime-watch-service.ts";

/** Mounts what is spoken as REST: the Open Inference Protocol and its description below /v2, KServe's protocol before
 *  it below /v1, and what watchers receive as lines below /modelport/v1. What clients of text models speak is there
 *  too, below the same prefixes and without one. */
export function mountRest(
  app: FastifyInstance,
  rest: InferenceRestParts & Pick<TextRestParts, "codecThread">,
  watching: RuntimeWatchParts | undefined,
): void {
  const text = rest.texts && { ...rest, texts: rest.texts };
  void app.register(
    (scope, _options, done) => {
      restScope(scope, rest.log);
      openApi(scope, rest);
      inferenceRest(scope, rest);
      if (text) rerankRest(scope, text);
      done();
    },
    { prefix: "/v2" },
  );
  void app.register(
    (scope, _options, done) => {
      restScope(scope, rest.log);
      v1Rest(scope, rest);
      if (text) {
        openAiEmbeddings(scope, text);
        rerankRest(scope, text);
      }
      done();
    },
    { prefix: "/v1" },
  );
  if (text) mountText(app, text);
  void app.register(
    (scope, _options, done) => {
      restScope(scope, rest.log);
      if (watching) watchLines(scope, { ...rest, ...watching });
      done();
    },
    { prefix: "/modelport/v1" },
  );
}

function mountText(
  app: FastifyInstance,
  text: TextRestParts & Pick<InferenceRestParts, "models" | "version">,
): void {
  // Where KServe's server for Hugging Face models has them.
  void app.register(
    (scope, _options, done) => {
      restScope(scope, text.log, openAiForm);
      openAiEmbeddings(scope, text);
      openAiModels(scope, text);
      rerankRest(scope, text);
      done();
    },
    { prefix: "/openai/v1" },
  );
  void app.register(
    (scope, _options, done) => {
      restScope(scope, text.log, caikitForm);
      caikitTaskRest(scope, text);
      done();
    },
    { prefix: "/api/v1/task" },
  );
  // Not a scope of its own: unknown paths without a prefix belong to everybody.
  sharedRerankRest(app, text);
  teiRest(app, text);
  caikitInfoRest(app, text);
}
