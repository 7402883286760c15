import { execFileSync, spawnSync } from "node:child_process";

/** Whether programs can be started with limits here, and have theirs changed. */
export const canLimit: boolean = spawnSync("prlimit", ["--version"]).status === 0;

/** Starts a program that may have so many files open. */
export function withOpenFiles(most: number): readonly string[] {
  return ["prlimit", `--nofile=${most}`];
}

/** Root has no limit of processes. This starts a program as an account that has nothing else running. */
export const asNobody: readonly string[] =
  process.getuid?.() === 0 ? ["setpriv", "--reuid=64999", "--regid=64999", "--clear-groups"] : [];

/** Changes how many processes (threads count) the account of `pid`, started by `asNobody`, may have. */
export function limitProcesses(pid: number, most: number): void {
  // The soft limit only: it can be raised again.
  const [file = "", ...args] = [...asNobody, "prlimit", "--pid", `${pid}`, `--nproc=${most}:`];
  execFileSync(file, args);
}
