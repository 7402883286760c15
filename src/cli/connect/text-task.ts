import { CommandError } from "../command-error.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import type { ClientOptions } from "./client-options.ts";
import { askRoute, type JsonAnswer, type JsonRoute } from "./json-call.ts";

/** A call of one of Caikit's tasks over REST, which has the same paths whatever the server's domain is named. */
export interface TextTask {
  /** The last step of its path. */
  readonly name: string;
  readonly model: string;
  readonly inputs: unknown;
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/** The answer's fields, as docs/text-models.md has them. Throws CommandError. */
export function callTextTask(
  options: ClientOptions,
  { name, model, inputs, parameters = {} }: TextTask,
): Promise<JsonAnswer["answer"]> {
  const request = { model_id: model, inputs, parameters };
  return ask(options, { method: "POST", path: `/api/v1/task/${name}`, request });
}

/** What a text model does, such as "embedding"; undefined for other models. Throws CommandError. */
export async function taskOf(options: ClientOptions, model: string): Promise<string | undefined> {
  const path = `/info/models?model_ids=${encodeURIComponent(model)}`;
  const { models } = await ask(options, { method: "GET", path });
  const [info] = models as readonly { readonly metadata?: { readonly task?: string } | null }[];
  return info?.metadata?.task;
}

async function ask(options: ClientOptions, route: JsonRoute): Promise<JsonAnswer["answer"]> {
  const { status = 0, answer } = await askRoute(options, route);
  if (status === 200) return answer;
  const { details = `HTTP ${status}` } = answer;
  const { exitCode = exitCodes.failed, advice } = failures[status] ?? {};
  throw new CommandError(exitCode, String(details), advice);
}

const failures: Readonly<
  Record<number, { readonly exitCode?: ExitCode; readonly advice: string }>
> = {
  400: { advice: "`modelport models MODEL` shows what the model is" },
  401: { advice: "authenticate with --token-file, or with --cert-file and --key-file" },
  404: { exitCode: exitCodes.notFound, advice: "`modelport models` lists all models" },
  413: { advice: "send fewer texts at once" },
  429: { advice: "`modelport status` shows memory and queues; try again later" },
  503: { exitCode: exitCodes.notReady, advice: "this may be temporary: try again" },
  504: { exitCode: exitCodes.unreachable, advice: "allow more time with --timeout" },
};
