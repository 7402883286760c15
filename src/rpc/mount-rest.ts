import type { FastifyInstance } from "fastify";
import type { TextCalls } from "../service/contract/text.ts";
import { caikitForm } from "./caikit/rest-failure.ts";
import { caikitInfoRest, caikitTaskRest } from "./caikit/rest-routes.ts";
import { openApi } from "./pages/openapi.ts";
import { restScope } from "./rest/add-route.ts";
import { type InferenceRestParts, inferenceRest } from "./rest/inference-routes.ts";
import { v1Rest } from "./rest/v1-rest.ts";
import { watchLines } from "./watch/lines.ts";
import type { RuntimeWatchParts } from "./watch/runtime-watch-service.ts";

/** Mounts what is spoken as REST: the Open Inference Protocol and its description below /v2, KServe's protocol before
 *  it below /v1, what watchers receive as lines below /modelport/v1, and with `texts` Caikit's tasks below /api/v1/task. */
export function mountRest(
  app: FastifyInstance,
  rest: InferenceRestParts & { readonly texts?: TextCalls | undefined },
  watching: RuntimeWatchParts | undefined,
): void {
  void app.register(
    (scope, _options, done) => {
      restScope(scope, rest.log);
      openApi(scope, rest);
      inferenceRest(scope, rest);
      done();
    },
    { prefix: "/v2" },
  );
  void app.register(
    (scope, _options, done) => {
      restScope(scope, rest.log);
      v1Rest(scope, rest);
      done();
    },
    { prefix: "/v1" },
  );
  const { texts } = rest;
  if (texts !== undefined) {
    const caikit = { ...rest, texts };
    void app.register(
      (scope, _options, done) => {
        restScope(scope, rest.log, caikitForm);
        caikitTaskRest(scope, caikit);
        done();
      },
      { prefix: "/api/v1/task" },
    );
    void app.register((scope, _options, done) => {
      caikitInfoRest(scope, caikit);
      done();
    });
  }
  void app.register(
    (scope, _options, done) => {
      restScope(scope, rest.log);
      if (watching) watchLines(scope, { ...rest, ...watching });
      done();
    },
    { prefix: "/modelport/v1" },
  );
}
