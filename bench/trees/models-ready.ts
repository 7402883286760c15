import { setTimeout as sleep } from "node:timers/promises";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { GrpcConnection } from "../load/grpc-connection.ts";

const longestMs = 120_000;

/** Resolves when the server on `port` says of each model that it is ready: some listen before they have loaded. */
export async function modelsReady(
  port: number,
  models: readonly { readonly id: string }[],
): Promise<void> {
  const connection = await GrpcConnection.open(port);
  const lastMs = performance.now() + longestMs;
  try {
    for (const { id } of models) {
      for (;;) {
        const ready = await connection
          .call(GRPCInferenceService.method.modelReady, { name: id })
          .then((answer) => answer.ready)
          .catch(() => false);
        if (ready) break;
        if (performance.now() > lastMs) throw new Error(`model '${id}' did not become ready`);
        await sleep(100);
      }
    }
  } finally {
    connection.close();
  }
}
