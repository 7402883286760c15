import type { FastifyInstance } from "fastify";
import type { Models } from "../../service/contract/models.ts";
import type { TextCalls } from "../../service/contract/text.ts";
import { accountOf } from "../guard/call-memory.ts";
import { JsonCounter } from "../guard/json-counter.ts";
import { observedRequest } from "../observe/observed-requests.ts";
import {
  addRestRoute,
  jsonReply,
  type RestCall,
  type RestParts,
  type RestReply,
} from "../rest/add-route.ts";
import { readBody } from "../rest/body.ts";
import { modelInfos } from "./model-infos.ts";
import { caikitForm } from "./rest-failure.ts";
import { readRestRequest } from "./rest-requests.ts";
import { restTasks } from "./rest-tasks.ts";
import { CaikitTasks } from "./tasks.ts";

export interface CaikitRestParts extends RestParts {
  readonly models: Models;
  readonly texts: TextCalls;
  /** This program's version. */
  readonly version: string;
  /** Limit for one body, before and after decompression. */
  readonly readMaxBytes: number;
}

type RestTask = ReturnType<typeof restTasks>[number];

/** Caikit's tasks over plain HTTP. `scope` is a REST scope (see restScope) with the prefix /api/v1/task. */
export function caikitTaskRest(scope: FastifyInstance, parts: CaikitRestParts): void {
  const { texts, version } = parts;
  const inForm = { ...parts, form: caikitForm };
  for (const task of restTasks(new CaikitTasks(texts), { name: "modelport", version })) {
    const answer = (call: RestCall) => answerTask(call, task, parts);
    addRestRoute(scope, { methods: ["POST"], paths: [`/${task.path}`], answer }, inForm);
  }
}

/** What runs here, as Caikit's HTTP server shows it: /info/models, with any number of `model_ids`, /info/version, and
 *  /health, which TEI's clients ask too. */
export function caikitInfoRest(scope: FastifyInstance, parts: CaikitRestParts): void {
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
  { request, signal }: RestCall,
  task: RestTask,
  { readMaxBytes }: CaikitRestParts,
): Promise<RestReply> {
  const body = await readBody(request, readMaxBytes);
  // No one waits for the response any more, or is allowed to.
  signal.throwIfAborted();
  new JsonCounter().push(body);
  const { modelId, ...asked } = readRestRequest(body, task.parameters);
  const observed = observedRequest(request)?.call;
  observed?.model?.(modelId);
  const answer = await task.run({ modelId, signal, times: observed?.times }, asked);
  accountOf(request)?.answer(answer.length);
  const headers = { "content-type": "application/json", "content-length": answer.length };
  return { headers, body: answer };
}
