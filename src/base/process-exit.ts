import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "node:worker_threads";

/** How long threads have to finish their current work. */
const patienceMs = 500;
const lookMs = 10;

/** Names of the work that Node's own threads do, as `process.getActiveResourcesInfo` lists them: above all
 *  files and DNS lookups. */
const threadWork = /^(FSReq|FileHandleCloseReq|GetAddrInfo|GetNameInfo)/;

const threads = new Set<Worker>();

/** For threads that a file system may block: `exitProcess` does not wait for them. */
export function endsWithProcess(thread: Worker): void {
  threads.add(thread);
  thread.once("exit", () => threads.delete(thread));
}

/** Ends the process with `code`, soon. `process.exit` alone waits for every thread, and a thread that a network
 *  disk blocks returns when the disk does, or never. */
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

/** Replaces this process by a program that exits with `code`: for that, the system ends all other threads,
 *  wherever they are. JavaScript has no other way to abandon them and keep the exit code. */
function leaveThreads(code: number): void {
  // Like process.exit: buffered log lines are written in this event.
  process.emit("exit", code);
  try {
    process.execve?.(process.execPath, [process.execPath, "-e", `process.exit(${code})`], {});
  } catch {
    // The call is missing on this system, or no program may be started.
  }
  process.kill(process.pid, "SIGKILL");
}
