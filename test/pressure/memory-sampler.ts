// A worker thread: samples the memory of a process tree, as the SamplerOrder in `workerData` says, whatever the
// thread that presses the server is busy with. Posts a MemorySample after each look, and stops at any message.
import { readdirSync, readFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

export interface SamplerOrder {
  readonly pid: number;
  readonly everyMs: number;
}

export interface MemorySample {
  /** Milliseconds since 1970: threads have clocks of their own otherwise. */
  readonly atMs: number;
  /** Private_Clean and Private_Dirty of all processes. */
  readonly privateBytes: number;
  /** What the kernel cannot take back: anonymous memory and that of memory files, shared pages counted once. */
  readonly heldBytes: number;
  /** Of `privateBytes`, what the server has. */
  readonly serverBytes: number;
  /** The root, and all that descend from it. */
  readonly pids: readonly number[];
}

const { pid: root, everyMs } = workerData as SamplerOrder;

function sample(): MemorySample {
  const pids = descendants(root);
  let [privateBytes, heldBytes, serverBytes] = [0, 0, 0];
  for (const pid of pids) {
    const rollup = read(`/proc/${pid}/smaps_rollup`);
    const own = kibibytes(rollup, /^Private_(?:Clean|Dirty):\s+(\d+)/gm) * 1024;
    privateBytes += own;
    heldBytes += kibibytes(rollup, /^Pss_(?:Anon|Shmem):\s+(\d+)/gm) * 1024;
    if (pid === root) serverBytes = own;
  }
  return { atMs: Date.now(), privateBytes, heldBytes, serverBytes, pids };
}

/** Children are listed with the thread that started them. */
function descendants(pid: number): number[] {
  const children = list(`/proc/${pid}/task`).flatMap((task) =>
    read(`/proc/${pid}/task/${task}/children`).split(" ").filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(descendants)];
}

function kibibytes(rollup: string, line: RegExp): number {
  let sum = 0;
  for (const [, value] of rollup.matchAll(line)) sum += Number(value);
  return sum;
}

/** Nothing, of a process that has ended. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

const timer = setInterval(() => parentPort?.postMessage(sample()), everyMs);
parentPort?.once("message", () => {
  clearInterval(timer);
  parentPort?.close();
});
parentPort?.postMessage(sample());
