import { readFileSync } from "node:fs";
import { RuntimeError } from "../../base/errors.ts";
import { mebibytes } from "../../base/mebibytes.ts";
import { processMemory } from "./memory-counters.ts";

// How much of RLIMIT_DATA a model's thread stacks take. Each stack counts in full from its start, however
// little of it is touched. ONNX Runtime hangs in a load that could not start one of its threads.

/** Of glibc, where the system sets no limit. */
const unlimitedStackBytes = 2 * 1024 * 1024;
/** What a thread and its start take beyond the stack. */
const besideStackBytes = 64 * 1024;
/** What a load takes between the check of the limit and the start of its threads. */
const slackBytes = 4 * 1024 * 1024;

/** Per thread. Hosts inherit the server's limits, which do not change. */
let stackBytes: number | undefined;

/** Bytes that the stacks of a model's threads count for. `threads`: those that compute its runs, including
 *  the host's own. */
export function threadStackBytes(threads: number): number {
  stackBytes ??= readLimit("Max stack size") ?? unlimitedStackBytes;
  return Math.max(0, threads - 1) * (stackBytes + besideStackBytes);
}

/** Throws "over-budget" if this process may not start that many more threads, because runs have taken the
 *  memory. */
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
      `${mebibytes(Math.max(0, limitBytes - takenBytes))} MiB left: lower ` +
      "intra_op_thread_count or raise RUN_MEMORY_BYTES",
  );
}

/** This process's soft limit; undefined if there is none or it is unknown. Blocks for some 20 µs. */
function readLimit(name: string): number | undefined {
  try {
    const text = readFileSync("/proc/self/limits", "latin1");
    const [, bytes] = new RegExp(`^${name} +(\\d+) `, "m").exec(text) ?? [];
    return bytes === undefined ? undefined : Number(bytes);
  } catch {
    return undefined;
  }
}
