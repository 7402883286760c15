import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ProtobufWriter } from "../../test/support/models/protobuf-writer.ts";
import { freePorts } from "../../test/support/servers/free-ports.ts";
import { frameHeaderBytes, frameOf } from "../load/grpc-connection.ts";
import type { Peer } from "./peer.ts";
import { missingProgram, peerProgram } from "./virtual-environment.ts";

/** As caikit_bench.py has it. */
const moduleId = "6f1d1f6e-9a3f-4d0e-8f1c-0a4a3e0b7c11";

/** Caikit's runtime with caikit_bench.py. It generates its services from the module: the request is a
 *  message in a message, with the bytes of the tensor. */
export const caikit: Peer = {
  name: "Caikit",
  missing: missingProgram("python"),
  async start(bench, models) {
    const folder = join(bench.folder, "caikit");
    for (const { model, file } of models) {
      const modelFolder = join(folder, "models", model.name);
      await mkdir(modelFolder, { recursive: true });
      await copyFile(file, join(modelFolder, "model.onnx"));
      const config = { name: "OnnxModule", version: "1.0.0", module_id: moduleId };
      await writeFile(join(modelFolder, "config.yml"), JSON.stringify(config));
    }
    const [port = 0] = await freePorts(1);
    const config = join(folder, "config.yml");
    await writeFile(config, JSON.stringify(runtimeConfig(join(folder, "models"), port)));
    const environment = [`CONFIG_FILES=${config}`, `PYTHONPATH=${import.meta.dirname}`];
    return bench.start({
      command: ["env", ...environment, peerProgram("python"), "-m", "caikit.runtime"],
      cores: bench.cores.server,
      announcement: /serving grpc on port: (\d+)/,
    });
  },

  callOf: ({ name }, elements) => ({
    path: "/caikit.runtime.Bench.BenchService/TensorTaskPredict",
    frame: frameOf(
      new ProtobufWriter()
        .message(1, new ProtobufWriter().bytes(1, new Uint8Array(elements.buffer)))
        .finish(),
    ),
    metadata: { "mm-model-id": name },
  }),

  valuesIn(answer) {
    // Field 1, its length as a varint, and the tensor to the end.
    let start = frameHeaderBytes + 1;
    while (((answer[start] ?? 0) & 0x80) !== 0) start++;
    return new Float32Array(new Uint8Array(answer.subarray(start + 1)).buffer);
  },
};

/** Inference over gRPC and nothing beside it. YAML takes JSON. */
function runtimeConfig(localModels: string, port: number): object {
  return {
    runtime: {
      library: "caikit_bench",
      local_models_dir: localModels,
      grpc: { port, unix_socket_path: "" },
      http: { enabled: false },
      metrics: { enabled: false },
      service_generation: { enable_training: false, enable_inference_jobs: false },
    },
    log: { level: "info" },
  };
}
