import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tensor } from "../../../src/base/tensor.ts";
import type { HostModel } from "../../../src/engine/contract/host-engine.ts";
import { onnxEngine } from "../../../src/engine/onnx/session/onnx-engine.ts";

/** A model in this very process: a crash of the engine ends it. */
export interface OpenModel {
  /** All outputs, in order. Throws if the engine does. */
  run(inputs: readonly Tensor[]): readonly Tensor[];
  release(): void;
}

let directory: string | undefined;

/** One for all models of this process, of which there are thousands. */
function workFile(): string {
  if (directory === undefined) {
    const made = mkdtempSync(join(tmpdir(), "modelport-models-"));
    process.once("exit", () => rmSync(made, { recursive: true }));
    directory = made;
  }
  return join(directory, "model.onnx");
}

/** Loads a model as engine hosts do, on one thread. Throws if the engine refuses it. */
export function openModel(bytes: Uint8Array): OpenModel {
  const file = workFile();
  writeFileSync(file, bytes);
  const model = onnxEngine.load(file, { threads: 1 }) as HostModel;
  const names = model.outputs.map(({ name }) => name);
  return {
    run: (inputs) => model.run(inputs, names) as readonly Tensor[],
    release: () => void model.release(),
  };
}
