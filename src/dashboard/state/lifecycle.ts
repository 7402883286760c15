import { ConnectError } from "@connectrpc/connect";
import type { ModelRow } from "./model-rows.ts";

/** Loads all versions of a model from the local repository. Throws an Error whose message is for the user. */
export async function loadFromRepository(id: string): Promise<void> {
  await told(({ inferenceClient }) => inferenceClient.repositoryModelLoad({ modelName: id }));
}

/** Loads a model that is not in the local repository. Throws an Error whose message is for the user. */
export async function loadModel(spec: {
  readonly modelId: string;
  readonly modelType: string;
  readonly modelPath: string;
}): Promise<void> {
  await told(({ runtimeClient }) => runtimeClient.loadModel(spec));
}

/** Unloads the model of `row`; for the local repository, all of its versions. Throws an Error whose message is
 *  for the user. */
export async function unloadModel({ id, status }: ModelRow): Promise<void> {
  await told(({ inferenceClient, runtimeClient }) =>
    status?.pinned
      ? inferenceClient.repositoryModelUnload({ modelName: id })
      : runtimeClient.unloadModel({ modelId: id }),
  );
}

/** The server's message without the name of its code. */
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
