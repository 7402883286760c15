import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";

/** Distinguishes a process from all others, on this machine and elsewhere. Strings are empty if the system does
 *  not report them. */
export interface ProcessIdentity {
  readonly host: string;
  /** Of the kernel, which containers of one node share. */
  readonly bootId: string;
  /** The namespace of the process number: each container has its own. */
  readonly pidNamespace: string;
  readonly pid: number;
  /** In ticks since the boot; distinguishes processes that had the same number, as in every container. */
  readonly startTicks: string;
}

export async function ownIdentity(): Promise<ProcessIdentity> {
  const [bootId, pidNamespace, startTicks] = await Promise.all([
    readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => ""),
    readlink("/proc/self/ns/pid").catch(() => ""),
    startOf(process.pid),
  ]);
  return {
    host: hostname(),
    bootId: bootId.trim(),
    pidNamespace,
    pid: process.pid,
    startTicks: startTicks ?? "0",
  };
}

/** Whether both processes belong to the same kernel. */
export function isSameBoot(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return a.bootId !== "" && a.bootId === b.bootId;
}

/** Whether the process has ended; undefined if its number has no meaning here. */
export async function hasEnded(
  other: ProcessIdentity,
  self: ProcessIdentity,
): Promise<boolean | undefined> {
  const isNumberKnown =
    self.pidNamespace === ""
      ? other.pidNamespace === "" && other.host === self.host
      : isSameBoot(other, self) && other.pidNamespace === self.pidNamespace;
  return isNumberKnown ? (await startOf(other.pid)) !== other.startTicks : undefined;
}

/** "0" if the system does not report it, undefined if the process does not exist. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // The program's name, in parentheses, may contain spaces and parentheses.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    if (process.platform === "linux") return undefined;
  }
  try {
    process.kill(pid, 0);
    return "0";
  } catch {
    return undefined;
  }
}
