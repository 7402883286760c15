import type { FastifyInstance } from "fastify";
import { openApi } from "./pages/openapi.ts";
import { restScope } from "./rest/add-route.ts";
import { type InferenceRestParts, inferenceRest } from "./rest/inference-routes.ts";
import { v1Rest } from "./rest/v1-rest.ts";
import { watchLines } from "./watch/lines.ts";
import type { RuntimeWatchParts } from "./watch/runtime-watch-service.ts";

/** Mounts what is spoken as REST: the Open Inference Protocol and its description below /v2, KServe's protocol before
 *  it below /v1, and what watchers receive as lines below /modelport/v1. */
export function mountRest(
  app: FastifyInstance,
  rest: InferenceRestParts,
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
  void app.register(
    (scope, _options, done) => {
      restScope(scope, rest.log);
      if (watching) watchLines(scope, { ...rest, ...watching });
      done();
    },
    { prefix: "/modelport/v1" },
  );
}
