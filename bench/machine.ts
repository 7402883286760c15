import { spawnSync } from "node:child_process";
import { availableParallelism, cpus, release, totalmem, type } from "node:os";
import manifest from "../package.json" with { type: "json" };
import type { Cores } from "./cores.ts";
import { loadClientName } from "./load/load.ts";

/** The machine and version of a run. */
export interface MachineFacts {
  readonly date: string;
  /** Short hash, with "+" if there are uncommitted changes. */
  readonly commit: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly os: string;
  readonly node: string;
  readonly onnxruntime: string;
  readonly loadClient: string;
  readonly placement: string;
}

export function readMachineFacts(cores: Cores): MachineFacts {
  return {
    date: new Date().toISOString(),
    commit: readCommit(),
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    os: `${type()} ${release()}`,
    node: process.version,
    onnxruntime: manifest.dependencies["onnxruntime-node"],
    loadClient: loadClientName,
    placement:
      cores.server === undefined
        ? "the system places all processes"
        : `echo servers and limits on core ${cores.server}, load client on core ${cores.client}, the whole program on any`,
  };
}

function readCommit(): string {
  const git = (...args: string[]) => spawnSync("git", args, { encoding: "utf8" });
  const head = git("rev-parse", "--short", "HEAD");
  if (head.status !== 0) return "unknown";
  const isClean = git("status", "--porcelain", "--", "src", "gen", "package.json").stdout === "";
  return `${head.stdout.trim()}${isClean ? "" : "+"}`;
}
