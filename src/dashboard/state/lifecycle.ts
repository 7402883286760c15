import { ConnectError } from "@connectrpc/connect";
import type { ModelRow } from "./model-rows.ts";

/** Loads a model of the local repository, all of its versions. Throws an Error for people. */
export async function loadFromRepository(id: string): Promise<void> {
  await told(({ inferenceClient }) => inferenceClient.repositoryModelLoad({ modelName: id }));
}

/** Loads what the local repository does not have. Throws an Error for people. */
export async function loadModel(spec: {
  readonly modelId: string;
  readonly modelType: string;
  readonly modelPath: string;
}): Promise<void> {
  await told(({ runtimeClient }) => runtimeClient.loadModel(spec));
}

/** Unloads the model of `row`; of the local repository, all of its versions. Throws an Error for people. */
export async function unloadModel({ id, status }: ModelRow): Promise<void> {
  await told(({ inferenceClient, runtimeClient }) =>
    status?.pinned
      ? inferenceClient.repositoryModelUnload({ modelName: id })
      : runtimeClient.unloadModel({ modelId: id }),
  );
}

/** The message of the server alone, without the name of its code. */
export function messageOf(error: unknown): string {
  return error instanceof ConnectError ? error.rawMessage : String(error);
}

async function told(
  call: (clients: typeof import("../rpc-clients.ts")) => Promise<unknown>,
): Promise<void> {
  try {
    await call(await import("../rpc-clients.ts"));
  } catch (error) {
    throw new Error(messageOf(error), { cause: error });
  }
}
