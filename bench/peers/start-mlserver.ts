import { join } from "node:path";
import { freePorts } from "../../test/support/servers/free-ports.ts";
import type { Program } from "../program.ts";
import type { Workbench } from "../workbench.ts";
import { peerProgram } from "./virtual-environment.ts";
import { writeJson } from "./write-json.ts";

/** Starts MLServer on the servers' core, in one process, with the models whose settings are in `folder`. */
export async function startMlServer(bench: Workbench, folder: string): Promise<Program> {
  const [httpPort, grpcPort, metricsPort] = await freePorts(3);
  await writeJson(join(folder, "settings.json"), {
    debug: false,
    host: "127.0.0.1",
    http_port: httpPort,
    grpc_port: grpcPort,
    metrics_port: metricsPort,
    parallel_workers: 0,
  });
  return bench.start({
    command: [peerProgram("mlserver"), "start", folder],
    cores: bench.cores.server,
    announcement: /gRPC server running on .*:(\d+)/,
  });
}
