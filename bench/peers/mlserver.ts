import { existsSync } from "node:fs";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Program } from "../program.ts";
import type { Workbench } from "../workbench.ts";

const executable = join(import.meta.dirname, ".venv/bin/mlserver");

export interface PeerModel {
  readonly name: string;
  /** The ONNX file. */
  readonly file: string;
}

/** Why MLServer cannot be measured here, if it cannot. */
export function missingMlServer(): string | undefined {
  return existsSync(executable) ? undefined : "bench/peers/set-up.sh has not been run";
}

/** Starts MLServer with these models, in the one process that suits small models best. */
export async function startMlServer(
  bench: Workbench,
  models: readonly PeerModel[],
): Promise<Program> {
  const folder = join(bench.folder, "mlserver");
  for (const { name, file } of models) {
    await mkdir(join(folder, name), { recursive: true });
    await copyFile(join(import.meta.dirname, "onnx_model.py"), join(folder, name, "onnx_model.py"));
    const settings = {
      name,
      implementation: "onnx_model.OnnxModel",
      parameters: { uri: file },
    };
    await writeFile(join(folder, name, "model-settings.json"), JSON.stringify(settings));
  }
  const [httpPort, grpcPort, metricsPort] = await freePorts(3);
  await writeFile(
    join(folder, "settings.json"),
    JSON.stringify({
      debug: false,
      host: "127.0.0.1",
      http_port: httpPort,
      grpc_port: grpcPort,
      metrics_port: metricsPort,
      parallel_workers: 0,
    }),
  );
  return bench.start({
    command: [executable, "start", folder],
    cores: bench.cores.server,
    announcement: /gRPC server running on .*:(\d+)/,
  });
}

/** Ports that were free a moment ago, for a server that cannot choose its own. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  return Promise.all(
    servers.map((server) => {
      const address = server.address();
      if (address === null || typeof address === "string")
        throw new Error("a TCP server has a port");
      return new Promise<number>((resolve) => server.close(() => resolve(address.port)));
    }),
  );
}
