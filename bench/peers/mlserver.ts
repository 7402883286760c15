import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { openInference } from "./open-inference.ts";
import type { Peer } from "./peer.ts";
import { startMlServer } from "./start-mlserver.ts";
import { missingProgram } from "./virtual-environment.ts";
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
    return startMlServer(bench, folder);
  },
};
