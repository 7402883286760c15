// The limit of loading: ONNX Runtime creates sessions of one file in one process, holds them all, and
// releases them. Arguments: the model file and how many sessions.
import { InferenceSession } from "onnxruntime-node";
import { privateBytes } from "../../src/engine/process/memory-counters.ts";

/** What the process prints, as JSON. */
export interface SessionLoadsResult {
  readonly loadsPerSecond: number;
  readonly unloadsPerSecond: number;
  /** Private memory that a session adds to the process; absent where the system does not tell. */
  readonly kibEach?: number;
}

const [file = "", count = "1"] = process.argv.slice(2);
const create = () => InferenceSession.create(file, { intraOpNumThreads: 1 });
// The first session of a process costs what no later one does.
await (await create()).release();

const before = privateBytes();
const loadMs = performance.now();
const sessions: InferenceSession[] = [];
for (let index = 0; index < Number(count); index++) sessions.push(await create());
const heldMs = performance.now();
const after = privateBytes();
const releaseMs = performance.now();
for (const session of sessions) await session.release();
const result: SessionLoadsResult = {
  loadsPerSecond: (Number(count) / (heldMs - loadMs)) * 1000,
  unloadsPerSecond: (Number(count) / (performance.now() - releaseMs)) * 1000,
  ...(before === undefined || after === undefined
    ? {}
    : { kibEach: (after - before) / 1024 / Number(count) }),
};
process.stdout.write(JSON.stringify(result));
