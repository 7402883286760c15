import type { FastifyInstance } from "fastify";
import { addRestRoute, jsonReply, type RestRoute } from "../rest/add-route.ts";
import type { InferenceRestParts } from "../rest/inference-routes.ts";
import type { Hosting } from "./hosting.ts";
import { invoke } from "./invocation.ts";

/** Where SageMaker calls every container. */
const sageMaker = { health: "/ping", predict: "/invocations" };

/** Mounts the paths that platforms call which host one model: SageMaker's, and those that Vertex AI chooses. Call it last:
 *  a path that is there already keeps its meaning. Without a model that the operator named, or a chosen path, there is
 *  nothing. */
export function mountPlatforms(
  app: FastifyInstance,
  parts: InferenceRestParts,
  hosting: Hosting | undefined,
): void {
  if (hosting === undefined) return;
  const { models: named, routes } = hosting;
  const fixed = named.length > 0 ? sageMaker : undefined;
  const health = pathsOf(routes.health, fixed?.health);
  const predict = pathsOf(routes.predict, fixed?.predict);
  if (health.length + predict.length === 0) return;
  // A scope of its own would take over all unknown paths without a prefix: only the routes answer as REST does.
  void app.register((scope, _options, done) => {
    const add = (route: Omit<RestRoute, "paths">, paths: readonly string[]) => {
      const [method = "GET"] = route.methods;
      const free = paths.filter((url) => !app.hasRoute({ url, method }));
      if (free.length > 0) addRestRoute(scope, { ...route, paths: free }, parts);
    };
    add({ methods: ["GET"], right: "health", answer: () => readiness(parts) }, health);
    add({ methods: ["POST"], answer: (call) => invoke(call, named, parts) }, predict);
    done();
  });
}

function readiness({ models }: InferenceRestParts) {
  return models.ready ? jsonReply({ ready: true }) : jsonReply({ error: "not ready yet" }, 503);
}

/** Patterns of the router for paths that are written out. What belongs to the Open Inference Protocol is answered there. */
function pathsOf(...paths: readonly (string | undefined)[]): string[] {
  const others = paths.filter((path) => path !== undefined && !path.startsWith("/v2/"));
  return [...new Set(others)].map((path) => (path ?? "").replaceAll(":", "::"));
}
