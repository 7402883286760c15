import { readFile } from "node:fs/promises";
import type { Config } from "../config/config.ts";
import { type Finding, judgeOf } from "./finding.ts";

/** Pipes, sockets and files of one host, and what the server has open before any client connects. */
const filesPerHost = 16;
const ownFiles = 128;
/** Threads of Node, its pool, and ONNX Runtime. */
const threadsPerHost = 16;

export interface ProcessLimits {
  /** Undefined: no limit. */
  readonly openFiles: number | undefined;
  readonly processes: number | undefined;
  /** The cgroup's limit. */
  readonly pids: number | undefined;
}

/** Undefined if the system does not report it. */
export async function processLimits(): Promise<ProcessLimits | undefined> {
  const table = await readFile("/proc/self/limits", "utf8").catch(() => undefined);
  if (table === undefined) return undefined;
  const soft = (name: string) => numberIn(new RegExp(`^${name} +(\\d+)`, "m").exec(table)?.[1]);
  const pids = await readFile("/sys/fs/cgroup/pids.max", "utf8").catch(() => "");
  return {
    openFiles: soft("Max open files"),
    processes: soft("Max processes"),
    pids: numberIn(pids.trim()),
  };
}

function numberIn(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Whether the limits on files and threads allow the connections and hosts of the settings. */
export function checkLimits(
  { networkLimits, engineHosts }: Pick<Config, "networkLimits" | "engineHosts">,
  limits: ProcessLimits | undefined,
): Finding[] {
  const files = judgeOf("open files");
  const processes = judgeOf("processes");
  if (limits === undefined) return [];
  const hosts = engineHosts + 2;
  const { openFiles = Number.POSITIVE_INFINITY } = limits;
  const leastFiles = ownFiles + hosts * filesPerHost;
  const wantedFiles = leastFiles + networkLimits.maxConnections;
  const most = Math.min(
    limits.processes ?? Number.POSITIVE_INFINITY,
    limits.pids ?? Number.POSITIVE_INFINITY,
  );
  const wantedThreads = hosts * threadsPerHost;
  return [
    openFiles >= wantedFiles
      ? files("ok", `${shown(openFiles)} may be open`)
      : files(
          openFiles < leastFiles ? "fail" : "warn",
          `${openFiles} may be open; ${networkLimits.maxConnections} connections and ${hosts} hosts need ${wantedFiles}`,
          "raise the limit (ulimit -n, LimitNOFILE=), or lower --max-connections",
        ),
    most >= wantedThreads
      ? processes("ok", `${shown(most)} processes and threads are allowed`)
      : processes(
          most < wantedThreads / 2 ? "fail" : "warn",
          `${most} processes and threads are allowed; ${hosts} hosts need about ${wantedThreads}`,
          "raise the limit (ulimit -u, pids.max of the pod), or lower --engine-hosts",
        ),
  ];
}

function shown(limit: number): string {
  return Number.isFinite(limit) ? `${limit}` : "any number";
}
