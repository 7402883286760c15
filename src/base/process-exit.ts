import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "node:worker_threads";

/** How long threads have to come back from what they are at. */
const patienceMs = 500;
const lookMs = 10;

/** Names of what Node's own threads do, as `process.getActiveResourcesInfo` has them: files and names of hosts, above
 *  all. */
const threadWork = /^(FSReq|FileHandleCloseReq|GetAddrInfo|GetNameInfo)/;

const threads = new Set<Worker>();

/** For threads that may be held by a file system: `exitProcess` does not wait for them. */
export function endsWithProcess(thread: Worker): void {
  threads.add(thread);
  thread.once("exit", () => threads.delete(thread));
}

/** Ends the process with `code`, soon. `process.exit` alone waits for every thread, and one that a network disk holds
 *  comes back when the disk does, or never. */
export async function exitProcess(code: number): Promise<void> {
  for (const thread of threads) void thread.terminate();
  const endMs = performance.now() + patienceMs;
  while (isHeld() && performance.now() < endMs) await sleep(lookMs);
  if (isHeld()) leaveThreads(code);
  process.exit(code);
}

function isHeld(): boolean {
  const isAtWork = process.getActiveResourcesInfo().some((name) => threadWork.test(name));
  return isAtWork || threads.size > 0;
}

/** Becomes a program that ends with `code`: the system ends all other threads for that, wherever they are. No other
 *  way that JavaScript has to leave them keeps the code. */
function leaveThreads(code: number): void {
  // As process.exit does: what waits to be logged is written there.
  process.emit("exit", code);
  try {
    process.execve?.(process.execPath, [process.execPath, "-e", `process.exit(${code})`], {});
  } catch {
    // Not where there is no such call, or nothing may be started.
  }
  process.kill(process.pid, "SIGKILL");
}
