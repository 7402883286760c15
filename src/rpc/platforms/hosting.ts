import { RuntimeError } from "../../base/errors.ts";
import type { HostingRoutes } from "../../config/hosting/hosting-routes.ts";
import type { Models } from "../../service/contract/models.ts";

/** What this server offers to platforms that host one model. */
export interface Hosting {
  /** The models that the operator named. */
  readonly models: readonly string[];
  /** Paths that the platform has chosen, beside those that it expects anyway. */
  readonly routes: HostingRoutes;
}

/** The model that a request means which names none. Throws "invalid-argument" if there are several, "model-not-ready" if
 *  there is none. */
export async function hostedModel(named: readonly string[], models: Models): Promise<string> {
  const names = named.length > 0 ? named : await readyNames(models);
  const [only, ...others] = names;
  if (only !== undefined && others.length === 0) return only;
  if (only === undefined) {
    throw new RuntimeError("model-not-ready", "no model is served: there is nothing to ask");
  }
  const first = names.slice(0, 5).join(", ");
  throw new RuntimeError(
    "invalid-argument",
    `this path is for servers of one model, and this one has ${names.length} (${first}${names.length > 5 ? ", …" : ""}): ` +
      "call /v1/models/NAME:predict or /v2/models/NAME/infer",
  );
}

async function readyNames(models: Models): Promise<string[]> {
  const entries = await models.index();
  return [...new Set(entries.filter(({ state }) => state === "READY").map(({ name }) => name))];
}
