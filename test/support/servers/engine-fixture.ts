import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Tensor } from "../../../src/base/tensor.ts";
import { defaultRunSettings, type RunSettings } from "../../../src/config/run-settings.ts";
import type {
  Engine,
  LoadedModel,
  ModelPlace,
  ModelSource,
} from "../../../src/engine/contract/engine.ts";
import { createEngine, type EngineOptions } from "../../../src/engine/create-engine.ts";

/** Requests wait for as long as it takes: how long that is depends on what else the machine does. */
export const patientSettings: RunSettings = { ...defaultRunSettings, maxQueueWaitMs: 0 };

/** A signal that never aborts. */
export const forever = new AbortController().signal;

export interface EngineFixture {
  readonly engine: Engine;
  readonly directory: string;
  /** Writes a model file; resolves to its path. */
  put(name: string, bytes: Uint8Array): Promise<string>;
  /** Inspects and loads. */
  load(
    path: string,
    options?: { signal?: AbortSignal; isolated?: boolean; settings?: RunSettings },
  ): Promise<LoadedModel>;
  /** Resolves when `wantedHosts` shared hosts and a spare are up and nothing else is. */
  settled(wantedHosts: number): Promise<void>;
}

/** An engine with real hosts; closed, and its files removed, after the test. */
export async function startEngine(
  t: TestContext,
  options: EngineOptions = {},
): Promise<EngineFixture> {
  const directory = await mkdtemp(join(tmpdir(), "modelport-engine-"));
  const engine = createEngine({ hosts: 1, ...options });
  t.after(async () => {
    await engine.close();
    await rm(directory, { recursive: true, force: true });
  });
  await engine.ready;
  return {
    engine,
    directory,
    async put(name, bytes) {
      const path = join(directory, name);
      await writeFile(path, bytes);
      return path;
    },
    async load(path, { signal = forever, isolated = false, settings = patientSettings } = {}) {
      return engine.load(await inspectAt(engine, path, undefined), { signal, isolated, settings });
    },
    settled: (wantedHosts) =>
      until("the pool has settled", () => {
        const up = engine.hosts().filter((host) => host.memoryBytes !== undefined);
        const count = (kind: string) => up.filter((host) => host.kind === kind).length;
        return (
          up.length === engine.hosts().length &&
          count("shared") === wantedHosts &&
          count("spare") === 1 &&
          count("dedicated") === 0
        );
      }),
  };
}

/** Polls, because what is waited for happens in another process. Throws after a minute. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  for (const limitMs = performance.now() + 60_000; performance.now() < limitMs; ) {
    if (condition()) return;
    await sleep(10);
  }
  throw new Error(`gave up waiting until ${what}`);
}

/** Whether the process runs; one that ended and was not yet collected by its parent does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    // Gone meanwhile, or a system without /proc, where the signal's answer must do.
    return process.platform !== "linux";
  }
}

export function fp32(name: string, shape: readonly number[], values: readonly number[]): Tensor {
  const data = new Uint8Array(Float32Array.from(values).buffer);
  return { name, datatype: "FP32", shape, data };
}

export function int64(name: string, values: readonly bigint[]): Tensor {
  const data = new Uint8Array(BigInt64Array.from(values).buffer);
  return { name, datatype: "INT64", shape: [values.length], data };
}

/** The values of an FP32 tensor. */
export function fp32Values(tensor: Tensor | undefined): number[] {
  if (tensor?.datatype !== "FP32") throw new Error(`no FP32 tensor but ${tensor?.datatype}`);
  return [...new Float32Array(new Uint8Array(tensor.data).buffer)];
}

/** Inputs for `slowLoop()`; `iterations` take some 3 ms each. */
export function slowInputs(iterations: bigint): Tensor[] {
  return [fp32("x", [1, 4], [1, 2, 3, 4]), int64("n", [iterations])];
}

/** A model anywhere on this machine, in a format that its file tells. */
export function placeOf(path: string): ModelPlace {
  return { path, name: path, roots: ["/"], format: undefined };
}

/** Finds and inspects a model, as the service layer does. */
export async function inspectAt(
  engine: Engine,
  path: string,
  format: string | undefined,
): Promise<ModelSource> {
  return engine.inspect(await engine.locate({ ...placeOf(path), format }));
}
