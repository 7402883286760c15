import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

const TERM_GRACE_MS = 3_000;
const KILL_LIMIT_MS = 5_000;
const STRAGGLER_GRACE_MS = 2_000;
const OUTPUT_GRACE_MS = 1_000;

export interface GroupOptions {
  /** For people. */
  readonly name: string;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly timeoutMs: number;
  readonly onOutput: (chunk: Buffer) => void;
}

export interface GroupResult {
  /** "timeout" if the time ran out, else how the first process ended. */
  readonly end: "timeout" | { readonly status: number } | { readonly signal: NodeJS.Signals };
  /** Command lines of processes that the first one left behind. They are gone now. */
  readonly leftBehind: readonly string[];
}

/** Names by group. */
const live = new Map<number, string>();

/** Runs a command and everything that it starts as one process group, so that nothing outlives it. */
export async function runGroup(
  command: readonly string[],
  options: GroupOptions,
): Promise<GroupResult> {
  const [file = "", ...args] = command;
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: options.env,
    // Its own group, named by its process id.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout.on("data", options.onOutput);
  child.stderr.on("data", options.onOutput);
  const exited = once(child, "exit");
  if (child.pid === undefined) await exited; // It could not be started: this throws why.
  const group = child.pid as number;
  live.set(group, options.name);
  try {
    const timedOut = await waitAtMost(exited, options.timeoutMs);
    const end = timedOut ? "timeout" : endOf(child);
    if (timedOut) await endGroup(group);
    // Children of a process that has just ended may be about to end, too.
    const leftBehind = timedOut ? [] : await membersAfter(group, STRAGGLER_GRACE_MS);
    await killGroup(group);
    await closeOutput(child);
    return { end, leftBehind };
  } finally {
    live.delete(group);
  }
}

/** Kills every group that still runs, for a runner that must end at once. Returns their names. */
export function killAllGroups(): string[] {
  for (const group of live.keys()) signalGroup(group, "SIGKILL");
  return [...live.values()];
}

async function waitAtMost(promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const stop = new AbortController();
  const timeout = sleep(timeoutMs, true, { signal: stop.signal }).catch(() => false);
  try {
    return await Promise.race([promise.then(() => false), timeout]);
  } finally {
    stop.abort();
  }
}

function endOf(child: ChildProcess): { status: number } | { signal: NodeJS.Signals } {
  return child.signalCode === null
    ? { status: child.exitCode ?? 1 }
    : { signal: child.signalCode as NodeJS.Signals };
}

/** Waits for the rest of the output, but not for ever: a process that left the group may hold the pipes. */
async function closeOutput({ stdout, stderr }: ChildProcess): Promise<void> {
  const open = [stdout, stderr].filter((stream) => stream !== null && !stream.closed);
  const closed = Promise.all(open.map((stream) => once(stream as Readable, "close")));
  if (await waitAtMost(closed, OUTPUT_GRACE_MS)) for (const stream of open) stream?.destroy();
}

/** SIGTERM first, so that servers can remove their sockets and files; then SIGKILL. */
async function endGroup(group: number): Promise<void> {
  signalGroup(group, "SIGTERM");
  await membersAfter(group, TERM_GRACE_MS);
  await killGroup(group);
}

/** Resolves when the group's processes are gone, if they can be killed at all. */
async function killGroup(group: number): Promise<void> {
  signalGroup(group, "SIGKILL");
  await membersAfter(group, KILL_LIMIT_MS);
}

/** The members that are still there after `graceMs`; resolves sooner if there are none. */
async function membersAfter(group: number, graceMs: number): Promise<string[]> {
  const deadlineMs = performance.now() + graceMs;
  let found = members(group);
  while (found.length > 0 && performance.now() < deadlineMs) {
    await sleep(20);
    found = members(group);
  }
  return found;
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // Nobody is left.
  }
}

/** Command lines of the group's live processes. Where there is no /proc: none. */
function members(group: number): string[] {
  return processIds().flatMap((pid) => {
    try {
      // proc(5): the name in parentheses may hold anything; then come state, parent and group.
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const [state, , groupId] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      // A dead process that nobody has waited for yet holds nothing.
      if (Number(groupId) !== group || state === "Z") return [];
      return [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim()];
    } catch {
      return []; // It ended while we looked.
    }
  });
}

function processIds(): string[] {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}
