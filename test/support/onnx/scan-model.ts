import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OnnxGraph } from "../../../src/engine/onnx/graph/model-graph.ts";
import { scanOnnxFile } from "../../../src/engine/onnx/graph/scan-file.ts";

/** The graph of a model, as the server reads it from a file. */
export async function scanModel(model: Uint8Array): Promise<OnnxGraph | undefined> {
  const directory = mkdtempSync(join(tmpdir(), "modelport-scan-"));
  try {
    const file = join(directory, "model.onnx");
    writeFileSync(file, model);
    return (await scanOnnxFile(file)).graph;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
