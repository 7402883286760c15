import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { Tensor } from "../../../src/base/tensor.ts";
import type { HostModel } from "../../../src/engine/contract/host-engine.ts";
import { onnxEngine } from "../../../src/engine/onnx/session/onnx-engine.ts";
import type { TextGraph } from "../../../src/engine/text/graph/text-graph.ts";

/** Rows of whole numbers, by the names of a graph's inputs. Those that it does not have are ignored. */
export type TextBatch = Readonly<Record<string, readonly (readonly number[])[]>>;

export interface OpenTextGraph {
  /** The numbers of the output, and its shape. Throws if the engine does. */
  run(batch: TextBatch): { readonly numbers: Float32Array; readonly shape: readonly number[] };
  release(): void;
}

/** Loads a graph in this very process, on one thread. Its weights stay in their files. */
export function openTextGraph(graph: TextGraph): OpenTextGraph {
  const folder = mkdtempSync(join(tmpdir(), "modelport-text-graph-"));
  try {
    const file = join(folder, "model.onnx");
    writeFileSync(file, graph.onnx);
    const dataFiles = Object.fromEntries(
      graph.dataFiles.map((path) => [relative(graph.dataFolder, path), path]),
    );
    const access = { hasDataFiles: true, dataFiles };
    const model = onnxEngine.load(file, { threads: 1, access }) as HostModel;
    return {
      run: (batch) => runBatch(model, graph, batch),
      release: () => void model.release(),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function runBatch(model: HostModel, graph: TextGraph, batch: TextBatch) {
  const inputs = graph.inputs.map((name) => tensorOf(name, batch[name]));
  const [output] = model.run(inputs, [graph.output]) as readonly Tensor[];
  if (output?.datatype !== "FP32") throw new Error(`the output is ${output?.datatype}`);
  const bytes = Uint8Array.from(output.data);
  return { numbers: new Float32Array(bytes.buffer), shape: output.shape };
}

function tensorOf(name: string, rows: TextBatch[string] | undefined): Tensor {
  if (rows === undefined) throw new Error(`the batch has no ${name}`);
  const values = BigInt64Array.from(rows.flat(), (value) => BigInt(value));
  const shape = [rows.length, rows[0]?.length ?? 0];
  return { name, datatype: "INT64", shape, data: new Uint8Array(values.buffer) };
}
