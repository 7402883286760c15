import type { FastifyInstance } from "fastify";
import { answerFailure } from "../failures/answer-failure.ts";
import { addRestRoute, type RestParts } from "../rest/add-route.ts";
import type { MetricsPage } from "./page.ts";

export interface MetricsParts {
  readonly page: MetricsPage;
}

/** GET /metrics on the main port. `scope`: a scope of its own, without a prefix. */
export function metricsRoute(
  scope: FastifyInstance,
  { page, ...parts }: RestParts & MetricsParts,
): void {
  scope.setErrorHandler((reason, request, reply) =>
    answerFailure(reason, { request, reply, log: parts.log }),
  );
  addRestRoute(
    scope,
    {
      methods: ["GET"],
      paths: ["/metrics"],
      right: "metrics",
      answer: async ({ request }) => {
        const { contentType, body } = await page.render(request.headers.accept);
        return { headers: { "content-type": contentType }, body: Buffer.from(body) };
      },
    },
    parts,
  );
}
