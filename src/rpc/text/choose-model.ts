import type { IncomingMessage } from "node:http";
import { RuntimeError } from "../../base/errors.ts";
import type { TextTask } from "../../engine/contract/text-facts.ts";
import type { TextCalls } from "../../service/contract/text.ts";
import { NodeHeaders } from "../observe/header-reader.ts";
import { modelIdOf } from "../services/model-id.ts";

const shownNames = 10;

/** The model of a call on a wire whose requests need not name one: that of the body, of the query `model`, of the
 *  metadata `mm-model-id`, or else the only one that does one of these tasks. Throws "invalid-argument" if there are
 *  several, and "model-not-found" if there is none. */
export function chooseModel(
  texts: TextCalls,
  named: string | undefined,
  { request, tasks }: { readonly request: IncomingMessage; readonly tasks: readonly TextTask[] },
): string {
  const asked = named ?? new URLSearchParams(request.url?.split("?")[1] ?? "").get("model") ?? "";
  if (asked !== "") return asked;
  const header = new NodeHeaders(request.headers);
  if (header.get("mm-model-id-bin") || header.get("mm-model-id")) return modelIdOf(header, "");
  const serving = texts.serving().filter(({ facts }) => tasks.includes(facts.task));
  const [only, ...others] = serving.map(({ id }) => id);
  const what = tasks.length === allTasks ? "text" : tasks.join(" or ");
  if (only === undefined) {
    throw new RuntimeError("model-not-found", `no ${what} model is loaded`);
  }
  if (others.length === 0) return only;
  const names = [only, ...others.slice(0, shownNames - 1)].map((name) => `'${name}'`).join(", ");
  const more = others.length >= shownNames ? " and others" : "";
  throw new RuntimeError(
    "invalid-argument",
    `there are several ${what} models, ${names}${more}: name one as 'model'`,
  );
}

const allTasks = 4;
