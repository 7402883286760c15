import { readdir, readlink } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import { delay } from "../base/abort.ts";
import { LoopDelay } from "./loop-delay.ts";

/** The state of this process, with its event loop measured for `durationMs`. */
export async function takeProcessFigures(durationMs: number, signal: AbortSignal): Promise<object> {
  const loop = new LoopDelay();
  const before = performance.eventLoopUtilization();
  const cpuBefore = process.cpuUsage();
  loop.enable();
  try {
    await delay(durationMs, signal);
  } finally {
    loop.disable();
  }
  const { utilization } = performance.eventLoopUtilization(before);
  const cpu = process.cpuUsage(cpuBefore);
  const late = loop.take() ?? { p50Ms: 0, p99Ms: 0, maxMs: 0 };
  const { heap_size_limit, malloced_memory } = getHeapStatistics();
  const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
  return {
    pid: process.pid,
    uptimeSeconds: Math.round(process.uptime()),
    measuredMs: durationMs,
    eventLoop: {
      utilization: round(utilization),
      delayP50Ms: round(late.p50Ms),
      delayP99Ms: round(late.p99Ms),
      delayMaxMs: round(late.maxMs),
    },
    cpuShare: round((cpu.user + cpu.system) / 1e3 / durationMs),
    memory: {
      residentBytes: rss,
      heapBytes: heapTotal,
      heapUsedBytes: heapUsed,
      heapLimitBytes: heap_size_limit,
      externalBytes: external,
      arrayBufferBytes: arrayBuffers,
      mallocedBytes: malloced_memory,
    },
    /** The handles that keep the event loop alive, by type. */
    resources: countByName(process.getActiveResourcesInfo()),
    openFiles: await openFiles(),
  };
}

/** Open file descriptors by kind; undefined if the system does not list them. */
async function openFiles(): Promise<Record<string, number> | undefined> {
  const folder = "/proc/self/fd";
  const descriptors = await readdir(folder).catch(() => undefined);
  if (descriptors === undefined) return undefined;
  const targets = await Promise.all(
    // Some are closed by the time they are read, such as that of the folder itself.
    descriptors.map((name) => readlink(`${folder}/${name}`).catch(() => undefined)),
  );
  const kinds = targets.flatMap((target) => (target === undefined ? [] : [kindOf(target)]));
  return countByName(kinds);
}

/** Links of descriptors read "socket:[123]", "anon_inode:[eventpoll]", or are a file's path. */
function kindOf(target: string): string {
  if (target.startsWith("/")) return "file";
  const [kind = ""] = target.split(":", 1);
  return kind === "anon_inode" ? target.slice(kind.length + 1).replace(/[[\]]/g, "") : kind;
}

function countByName(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of [...names].sort()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
