import { ModelRuntime } from "../../gen/mmesh/model-runtime_pb.ts";
import type { Soak } from "./soak-user.ts";

interface IndexEntry {
  readonly name: string;
  readonly state: string;
}

/** Compares what the server counted with what callers saw. One line for each contradiction. */
export async function compareStatistics({ port, successes }: Soak): Promise<string[]> {
  const { model_stats: all } = (await getJson(port, "/v2/models/stats")) as {
    model_stats: { name: string; inference_stats: { success: { count: number } } }[];
  };
  return [...successes].flatMap(([model, seen]) => {
    const counted = all.find(({ name }) => name === model)?.inference_stats.success.count ?? 0;
    // More are right: of callers who left before their answer.
    return counted >= seen ? [] : [`${model}: ${counted} successes counted, ${seen} seen`];
  });
}

/** Unloads everything and looks for what is left. One line for each thing. */
export async function emptyBooks(
  { port, mesh, ledger }: Soak,
  capacityBytes: number,
): Promise<string[]> {
  const { client } = mesh;
  for (const { name } of await modelsIn(port)) {
    const outcome = await client.call(ModelRuntime.method.unloadModel, { modelId: name });
    if (!outcome.ok) ledger.complain(`unloadModel ${name}: ${outcome.code}: ${outcome.message}`);
  }
  const left = (await modelsIn(port)).map(
    ({ name, state }) => `${name} is ${state} after its unload`,
  );
  const { model_stats: stats } = (await getJson(port, "/v2/models/stats")) as {
    model_stats: { name: string }[];
  };
  left.push(...stats.map(({ name }) => `${name} still has statistics`));
  const status = await client.call(ModelRuntime.method.runtimeStatus, {});
  const message = (status.ok ? status.message : {}) as {
    status?: string;
    capacityInBytes?: string;
  };
  if (message.status !== "READY") left.push(`runtimeStatus is ${message.status ?? "an error"}`);
  if (Number(message.capacityInBytes) !== capacityBytes) {
    left.push(
      `capacity is ${message.capacityInBytes}, not ${capacityBytes}: something is reserved`,
    );
  }
  return left;
}

/** Everything that is loaded, on its way or leaving. */
async function modelsIn(port: number): Promise<IndexEntry[]> {
  const answer = await fetch(`http://127.0.0.1:${port}/v2/repository/index`, { method: "POST" });
  const entries = (await answer.json()) as IndexEntry[];
  return entries.filter(({ state }) => state !== "UNAVAILABLE");
}

async function getJson(port: number, path: string): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`);
  return await answer.json();
}
