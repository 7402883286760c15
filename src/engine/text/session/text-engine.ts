import type { HostEngine } from "../../contract/host-engine.ts";

/** Text models: their tokenizer in JavaScript, and their graph in ONNX Runtime. It is imported with the first of them,
 *  since most hosts have none. */
export const textEngine: HostEngine = {
  async load(folder, options) {
    const { loadTextModel } = await import("./load-text-model.ts");
    return loadTextModel(folder, options);
  },
};
