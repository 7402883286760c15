import { GRPCInferenceService } from "../gen/inference/inference_pb.ts";
import { callOnce, GrpcConnection, type PeerSettings, pathOf } from "./load/grpc-connection.ts";
import { nodeCommand, type Program } from "./program.ts";
import { shippedNodeFlags, type Workbench } from "./workbench.ts";

export const inferPath: string = pathOf(GRPCInferenceService.method.modelInfer);

export type EchoServer = "modelport-echo" | "grpc-js" | "connect-fastify";

/** Starts a server that echoes tensors, on the servers' core. */
export function startEcho(bench: Workbench, name: EchoServer): Promise<Program> {
  return bench.start({
    command: nodeCommand(
      `bench/servers/${name}.ts`,
      [],
      name === "modelport-echo" ? shippedNodeFlags : [],
    ),
    cores: bench.cores.server,
  });
}

/** Starts node:http2 with a constant answer. With `settings`, which are those of a server to compare it
 *  with, it has the flags of Modelport as well; without them it has none. */
export function startFloor(
  bench: Workbench,
  answerFile: string,
  settings: PeerSettings | undefined,
): Promise<Program> {
  return bench.start({
    command: nodeCommand(
      "bench/servers/raw-http2.ts",
      [answerFile, ...(settings === undefined ? [] : [JSON.stringify(settings)])],
      settings === undefined ? [] : shippedNodeFlags,
    ),
    cores: bench.cores.server,
  });
}

export async function readSettings(port: number): Promise<PeerSettings> {
  const connection = await GrpcConnection.open(port);
  const settings = connection.peerSettings;
  connection.close();
  return settings;
}

/** Makes one inference, which has to succeed, and resolves with the frame of its answer. */
export function ask(port: number, request: Uint8Array): Promise<Buffer> {
  return callOnce(port, { path: inferPath, frame: request });
}
