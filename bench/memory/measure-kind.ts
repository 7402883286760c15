import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { zeroInputs } from "../../src/engine/child/warm-up.ts";
import type { Engine, LoadedModel } from "../../src/engine/contract/engine.ts";
import { createEngine } from "../../src/engine/create-engine.ts";
import { identity } from "../../test/support/models/simple-models.ts";
import { privateBytesOf } from "../../test/support/processes/process-tree.ts";
import { placeOf, patientSettings as settings } from "../../test/support/servers/engine-fixture.ts";
import type { MemoryKind } from "./kind.ts";

const MiB = 1024 * 1024;
const forever = new AbortController().signal;

/** Of the runs after which a model's memory is looked at. */
export const rowCounts = [1, 8, 64, 256] as const;
/** Longer than a host waits before it gives memory back. */
const restMs = 500;
/** Looks until a host is at rest, on a machine that is busy, and what may change between two of them. */
const mostLooks = 30;
const stillBytes = 64 * 1024;
const sampleMs = 10;
const runMemoryBytes = 1024 * MiB;
const hangMs = 120_000;
/** No model moves to another host during a measurement, and no host is killed because the machine is busy. */
const options = {
  hosts: 1,
  runMemoryBytes,
  warmupTimeoutMs: hangMs,
  killGraceMs: hangMs,
  maxWasteBytes: 0,
};

export interface KindMemory {
  readonly name: string;
  readonly copies: number;
  readonly host: "shared" | "own";
  /** Bytes of one copy, the host included if it is its own. */
  readonly predictedBytes: number;
  readonly reportedBytes: number;
  /** A moment after runs of so many rows; undefined: the run was refused for its memory. */
  readonly held: readonly { readonly bytes: number; readonly isAnswered: boolean }[];
  /** Of the host, while it ran, beside the copies. */
  readonly peakBytes: number;
}

/** Loads all copies of a kind into one engine with one shared host, runs them, and compares. */
export async function measureKind(kind: MemoryKind, directory: string): Promise<KindMemory> {
  const engine = createEngine(options);
  try {
    await engine.ready;
    await useOnce(engine, directory);
    const sharedPid = engine.hosts().find((host) => host.kind === "shared")?.pid ?? 0;
    const baseBytes = await settledBytes(sharedPid);
    const path = await kind.write(directory);
    const source = await engine.inspect(await engine.locate(placeOf(path)));
    const loaded: LoadedModel[] = [];
    for (let copy = 0; copy < kind.copies; copy++) {
      loaded.push(await engine.load(source, { signal: forever, isolated: false, settings }));
    }
    const [first] = loaded;
    if (first === undefined) throw new Error("a kind has copies");
    const pid = first.hostPid;
    const besideBytes = pid === sharedPid ? baseBytes : 0;
    const peak = new Peak(pid);
    const held: { bytes: number; isAnswered: boolean }[] = [];
    for (const rows of rowCounts) {
      let isAnswered = true;
      // Big runs of one copy show what those of all would.
      const asked = rows === 1 ? loaded : [first];
      for (const model of asked) isAnswered &&= await runTwice(model, rows);
      const bytes = ((await settledBytes(pid)) - besideBytes) / loaded.length;
      held.push({ bytes, isAnswered });
    }
    const reported = loaded.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return {
      name: kind.name,
      copies: loaded.length,
      host: pid === sharedPid ? "shared" : "own",
      predictedBytes: source.estimatedBytes,
      reportedBytes: reported / loaded.length,
      held,
      peakBytes: peak.stop() - besideBytes,
    };
  } finally {
    await engine.close();
  }
}

/** Private memory of a host at rest. */
async function settledBytes(pid: number): Promise<number> {
  let bytes = Number.NaN;
  for (let look = 0; look < mostLooks; look++) {
    await sleep(restMs);
    const before = bytes;
    bytes = await privateBytesOf(pid);
    if (Math.abs(bytes - before) < stillBytes) break;
  }
  return bytes;
}

/** What a host takes for its first requests, whatever models they are for: compiled code, above all. */
async function useOnce(engine: Engine, directory: string): Promise<void> {
  const path = join(directory, "identity.onnx");
  await writeFile(path, identity("FP32"));
  const source = await engine.inspect(await engine.locate(placeOf(path)));
  const model = await engine.load(source, { signal: forever, isolated: false });
  for (let run = 0; run < 20; run++) await runTwice(model, 16 ** (run % 4));
  await model.unload();
}

/** Resolves with whether the run succeeded. */
async function runTwice(model: LoadedModel, rows: number): Promise<boolean> {
  const outputs = model.metadata.outputs.map(({ name }) => name);
  try {
    for (let run = 0; run < 2; run++) {
      const inputs = zeroInputs(model.metadata.inputs, rows);
      if (inputs === undefined) return false;
      await model.infer({ inputs, outputs }, forever);
    }
    return true;
  } catch (error) {
    if ((error as { kind?: string }).kind === "over-budget") return false;
    throw error;
  }
}

/** The most private memory that was seen of a process. */
class Peak {
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;

  constructor(pid: number) {
    this.#pid = pid;
    this.#timer = setInterval(() => void this.#look(), sampleMs);
  }

  async #look(): Promise<void> {
    this.#bytes = Math.max(this.#bytes, await privateBytesOf(this.#pid).catch(() => 0));
  }

  stop(): number {
    clearInterval(this.#timer);
    return this.#bytes;
  }
}
