import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "../../test/support/servers/free-ports.ts";
import { openInference } from "./open-inference.ts";
import type { Peer } from "./peer.ts";
import { missingProgram, peerProgram } from "./virtual-environment.ts";
import { writeJson } from "./write-json.ts";

/** MLServer with onnx_model.py, in the one process that suits small models best. */
export const mlServer: Peer = {
  ...openInference,
  name: "MLServer",
  missing: missingProgram("mlserver"),
  async start(bench, models) {
    const folder = join(bench.folder, "mlserver");
    for (const { model, file } of models) {
      const modelFolder = join(folder, model.name);
      await mkdir(modelFolder, { recursive: true });
      const code = "onnx_model.py";
      await copyFile(join(import.meta.dirname, code), join(modelFolder, code));
      await writeJson(join(modelFolder, "model-settings.json"), {
        name: model.name,
        implementation: "onnx_model.OnnxModel",
        parameters: { uri: file },
      });
    }
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
  },
};
