import type { FastifyInstance } from "fastify";
import { RuntimeError } from "../../base/errors.ts";
import type { Models } from "../../service/contract/models.ts";
import { HttpRefusal } from "../failures/answer-failure.ts";
import { accountOf } from "../guard/call-memory.ts";
import { addRestRoute, jsonReply, type RestCall, type RestReply } from "../rest/add-route.ts";
import { JsonPieces } from "../text/json-pieces.ts";
import { observedOf, readTextBody, type TextRestParts } from "../text/text-rest.ts";
import { modelInfos } from "./model-infos.ts";
import { caikitForm } from "./rest-failure.ts";
import { readRestRequest } from "./rest-requests.ts";
import { restTasks } from "./rest-tasks.ts";
import { CaikitTasks } from "./tasks.ts";

type RestTask = ReturnType<typeof restTasks>[number];

/** Caikit's tasks over plain HTTP. `scope` is a REST scope (see restScope) with the prefix /api/v1/task. */
export function caikitTaskRest(scope: FastifyInstance, parts: TextRestParts): void {
  const { texts, version } = parts;
  const inForm = { ...parts, form: caikitForm };
  for (const task of restTasks(new CaikitTasks(texts), { name: "modelport", version })) {
    const answer = (call: RestCall) => answerTask(call, task, parts);
    addRestRoute(scope, { methods: ["POST"], paths: [`/${task.path}`], answer }, inForm);
  }
}

/** What runs here, as Caikit's HTTP server shows it: /info/models, with any number of `model_ids`, /info/version, and
 *  /health, which TEI's clients ask too. */
export function caikitInfoRest(
  scope: FastifyInstance,
  parts: TextRestParts & { readonly models: Models },
): void {
  const { models, version } = parts;
  const inForm = { ...parts, form: caikitForm };
  const versions = { runtime_version: version, python_packages: {} };
  addRestRoute(
    scope,
    {
      methods: ["GET"],
      paths: ["/info/models"],
      answer: async ({ request }) => {
        const { searchParams } = new URL(request.url ?? "/", "http://localhost");
        return jsonReply({ models: await modelInfos(parts, searchParams.getAll("model_ids")) });
      },
    },
    inForm,
  );
  addRestRoute(
    scope,
    { methods: ["GET"], paths: ["/info/version"], answer: () => jsonReply(versions) },
    inForm,
  );
  addRestRoute(
    scope,
    {
      methods: ["GET"],
      paths: ["/health"],
      right: "health",
      answer: () => {
        const [status, text] = models.ready ? [200, "OK"] : [503, "not ready yet"];
        return { status, headers: { "content-type": "text/plain" }, body: Buffer.from(text) };
      },
    },
    inForm,
  );
}

async function answerTask(
  call: RestCall,
  task: RestTask,
  parts: TextRestParts,
): Promise<RestReply> {
  const { request, signal } = call;
  const { json } = await readTextBody("caikit", call, parts).catch(refuseUnreadable);
  const { modelId, ...asked } = readRestRequest(json, task.parameters);
  const observed = observedOf(request);
  observed?.model?.(modelId);
  const pieces = new JsonPieces(accountOf(request));
  await task.run({ modelId, signal, times: observed?.times }, { ...asked, pieces });
  return pieces.reply();
}

/** With the status that Caikit has for it. */
function refuseUnreadable(reason: unknown): never {
  if (!(reason instanceof RuntimeError) || reason.kind !== "invalid-argument") throw reason;
  throw new HttpRefusal(422, reason.message);
}
