import type { FastifyInstance } from "fastify";
import type { LifecycleAccess } from "./interceptors.ts";
import type { MetricsPage } from "./metrics-text.ts";
import { answerFailure } from "./rest-failure.ts";
import { addRestRoute, type RestParts } from "./rest-route.ts";

export interface MetricsParts {
  readonly page: MetricsPage;
  /** Who may read it: "local" is as for lifecycle calls. */
  readonly access: LifecycleAccess;
}

/** GET /metrics on the one port. `scope`: one of its own, without a prefix. */
export function metricsRoute(
  scope: FastifyInstance,
  { page, access, ...rest }: RestParts & MetricsParts,
): void {
  scope.setErrorHandler((reason, request, reply) =>
    answerFailure(reason, { request, reply, log: rest.log }),
  );
  const parts = { ...rest, lifecycleAccess: access };
  addRestRoute(
    scope,
    {
      methods: ["GET"],
      paths: ["/metrics"],
      gated: true,
      answer: async ({ request }) => {
        const { contentType, body } = await page.render(request.headers.accept);
        return { headers: { "content-type": contentType }, body: Buffer.from(body) };
      },
    },
    parts,
  );
}
