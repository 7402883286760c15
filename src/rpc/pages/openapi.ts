import type { FastifyInstance } from "fastify";
import { RuntimeError } from "../../base/errors.ts";
import type { Models } from "../../service/contract/models.ts";
import { addRestRoute, jsonReply, type RestParts, type RestRoute } from "../rest/add-route.ts";
import { docsPage } from "./docs-page.ts";
import { type DocumentedModel, openApiDocument } from "./openapi-document.ts";

type DescribedModels = Pick<Models, "index" | "describe">;

/** GET /openapi.json: the current API, with the inputs and outputs of every loaded model. GET /docs shows it.
 *  `scope` is a REST scope (see restScope) with the prefix /v2. */
export function openApi(
  scope: FastifyInstance,
  parts: RestParts & { readonly models: DescribedModels; readonly version: string },
): void {
  const { models, version } = parts;
  const route: RestRoute = {
    methods: ["GET"],
    paths: ["/openapi.json"],
    answer: async () => {
      const reply = jsonReply(openApiDocument(version, await documentedModels(models)));
      return { ...reply, headers: { ...reply.headers, "cache-control": "no-store" } };
    },
  };
  addRestRoute(scope, route, parts);
  docsPage(scope);
}

/** Every model that runs: by its name alone, and by each of its versions. */
async function documentedModels(models: DescribedModels): Promise<DocumentedModel[]> {
  const ready = (await models.index()).filter(({ state }) => state === "READY");
  const documented: DocumentedModel[] = [];
  const seen = new Set<string>();
  const add = (name: string, version: string) => {
    const description = describeIfReady(models, name, version);
    if (description !== undefined) documented.push({ name, version, description });
  };
  for (const { name, version } of ready) {
    if (!seen.has(name)) add(name, "");
    seen.add(name);
    if (version !== "") add(name, version);
  }
  return documented;
}

// The default version may differ from the one that is listed as ready, and a model may be unloaded while the
// document is being made.
function describeIfReady(models: DescribedModels, name: string, version: string) {
  try {
    return models.describe(name, version);
  } catch (error) {
    if (error instanceof RuntimeError) return undefined;
    throw error;
  }
}
