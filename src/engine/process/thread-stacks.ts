import { readFileSync } from "node:fs";
import { RuntimeError } from "../../base/errors.ts";
import { processMemory } from "./process-memory.ts";

// What the stacks of a model's threads take of RLIMIT_DATA: all of each counts from its start on, however little of it
// is ever touched. ONNX Runtime does not come back from a load that could not start one of its threads.

/** Of glibc, where the system sets no limit. */
const unlimitedStackBytes = 2 * 1024 * 1024;
/** For what a thread and its start take beside the stack. */
const besideStackBytes = 64 * 1024;
/** What a load takes between the look at the limit and the start of its threads. */
const slackBytes = 4 * 1024 * 1024;

/** Of one thread. Hosts have the limits of the server, which do not change. */
let stackBytes: number | undefined;

/** Bytes that the stacks of a model's threads count for. `threads`: that compute its runs, one of which is the host's
 *  own. */
export function threadStackBytes(threads: number): number {
  stackBytes ??= readLimit("Max stack size") ?? unlimitedStackBytes;
  return Math.max(0, threads - 1) * (stackBytes + besideStackBytes);
}

/** Throws "over-budget" where this process may not start so many threads more, because of what runs have taken. */
export function checkThreadsFit(threads: number): void {
  const neededBytes = threadStackBytes(threads);
  if (neededBytes === 0) return;
  const limitBytes = readLimit("Max data size");
  const takenBytes = limitBytes === undefined ? undefined : processMemory()?.dataBytes;
  if (limitBytes === undefined || takenBytes === undefined) return;
  if (takenBytes + neededBytes + slackBytes <= limitBytes) return;
  throw new RuntimeError(
    "over-budget",
    `the stacks of ${threads} threads need ${mebibytes(neededBytes)} MiB, and the engine host has ` +
      `${mebibytes(Math.max(0, limitBytes - takenBytes))} MiB left: expected a smaller ` +
      "intra_op_thread_count, or a higher RUN_MEMORY_BYTES",
  );
}

/** The soft limit of this process; undefined if there is none, or nobody tells. Blocks for some 20 µs. */
function readLimit(name: string): number | undefined {
  try {
    const text = readFileSync("/proc/self/limits", "latin1");
    const [, bytes] = new RegExp(`^${name} +(\\d+) `, "m").exec(text) ?? [];
    return bytes === undefined ? undefined : Number(bytes);
  } catch {
    return undefined;
  }
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}
