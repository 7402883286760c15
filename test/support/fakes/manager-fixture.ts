import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { setImmediate } from "node:timers/promises";
import { SafePath } from "../../../src/base/files/safe-path.ts";
import { createLogger } from "../../../src/observe/log.ts";
import type { InferenceRequest, ModelSpec } from "../../../src/service/contract/models.ts";
import { ModelManager, type ModelManagerOptions } from "../../../src/service/model-manager.ts";
import { FakeEngine } from "./fake-engine.ts";
import { managerOptions } from "./manager-options.ts";

// A manager with an engine that does what its test says, and three files for it to load.

/** Where the files are; set before the first test. */
let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "modelport-manager-"));
  for (const name of ["a.onnx", "b.onnx", "junk.onnx"]) await writeFile(join(root, name), "x");
});
after(() => rm(root, { recursive: true, force: true }));

export const MiB = 1024 * 1024;
export const forever = new AbortController().signal;
export const spec = (id: string, path = "a.onnx"): ModelSpec => ({
  id,
  type: "mt:onnx",
  path,
  key: "",
});
export const one: InferenceRequest = {
  version: "",
  inputs: [{ name: "x", datatype: "FP32", shape: [1], data: new Uint8Array(4) }],
  outputs: [],
};

export function setUp(options: Partial<ModelManagerOptions> = {}, engine = new FakeEngine()) {
  const manager = new ModelManager(
    { engine, safePath: new SafePath([root]), log: createLogger("silent") },
    managerOptions(options),
  );
  return { manager, engine };
}

/** Lets everything that needs no outside event happen, the file system's answers included. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await setImmediate();
}

export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let isSettled = false;
  const settled = () => {
    isSettled = true;
  };
  promise.then(settled, settled);
  await settle();
  return !isSettled;
}

export async function loaded(
  manager: ModelManager,
  engine: FakeEngine,
  id: string,
  path = "a.onnx",
) {
  const count = engine.loads.length + 1;
  const answer = manager.load(spec(id, path), forever);
  const model = (await engine.nthLoad(count)).finish();
  await answer;
  return model;
}
