import { RuntimeError } from "../base/errors.ts";
import type { ModelFormat } from "./contract/model-format.ts";

// Imported only where models are inspected: hosts start often and do without. Kept, since even a repeated
// import costs more than the rest of inspecting a small model.
let inspectOnnx: ModelFormat["inspect"] | undefined;

async function importInspector(): Promise<ModelFormat["inspect"]> {
  inspectOnnx ??= (await import("./onnx/memory/onnx-footprint.ts")).inspectOnnxFile;
  return inspectOnnx;
}

const onnx: ModelFormat = {
  name: "onnx",
  aliases: ["onnxruntime", "onnx_onnxv1"],
  extension: ".onnx",
  platform: "onnx_onnxv1",
  inspect: async (file, dataFolder) =>
    await (inspectOnnx ?? (await importInspector()))(file, dataFolder),
  tabulateRuns: async (file, dataFolder) =>
    await (await import("./onnx/memory/onnx-footprint.ts")).tabulateOnnxFile(file, dataFolder),
  prepareToInspect: async () => void (await importInspector()),
  // Half-precision weights become FP32 in memory; the file's structure is unknown here.
  predictBytes: (diskBytes) => 2 * diskBytes + 256 * 1024,
  importEngine: async () => (await import("./onnx/session/onnx-engine.ts")).onnxEngine,
};

/** In the order in which formats are tried for a file if none was named. */
export const modelFormats: readonly ModelFormat[] = [onnx];

/** The format with this name or alias, in any case. */
export function findFormat(name: string): ModelFormat | undefined {
  const wanted = name.trim().toLowerCase();
  return modelFormats.find((format) => format.name === wanted || format.aliases.includes(wanted));
}

/** As `findFormat`; throws "invalid-argument" if there is none. */
export function knownFormat(name: string): ModelFormat {
  const format = findFormat(name);
  if (format !== undefined) return format;
  const known = modelFormats.map((each) => each.name).join(", ");
  throw new RuntimeError(
    "invalid-argument",
    `unknown model format '${name}': expected one of ${known}`,
  );
}
