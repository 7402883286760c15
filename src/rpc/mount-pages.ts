import type { FastifyInstance } from "fastify";
import type { RuntimeFeed } from "../service/contract/runtime-feed.ts";
import { type MetricsParts, metricsRoute } from "./metrics/scrape-route.ts";
import { aboutServer } from "./pages/about-server.ts";
import { dashboard } from "./pages/dashboard.ts";
import { type DebugOptions, debugEndpoints } from "./pages/debug.ts";
import { type RestParts, restScope } from "./rest/add-route.ts";

/** Mounts the pages: the dashboard, /metrics and /debug, each if there is anything to show. */
export function mountPages(
  app: FastifyInstance,
  rest: RestParts,
  {
    dashboardFolder,
    version,
    feed,
    debug,
    metrics,
  }: {
    readonly dashboardFolder?: string | undefined;
    readonly version: string;
    readonly feed: RuntimeFeed | undefined;
    readonly debug?: DebugOptions | undefined;
    readonly metrics: MetricsParts | undefined;
  },
): void {
  dashboard(app, dashboardFolder, aboutServer(version));
  if (debug !== undefined && debug.endpoints !== "off" && feed !== undefined) {
    void app.register(
      (scope, _options, done) => {
        restScope(scope, rest.log);
        debugEndpoints(scope, { ...rest, feed, options: debug });
        done();
      },
      { prefix: "/debug" },
    );
  }
  if (metrics === undefined) return;
  void app.register((scope, _options, done) => {
    metricsRoute(scope, { ...rest, ...metrics });
    done();
  });
}
