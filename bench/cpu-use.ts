import { readFileSync } from "node:fs";

/** Counters in ticks, since the start of the machine or of the process. */
export interface CpuTicks {
  /** Of all cores, idle ones too. */
  readonly all: number;
  /** Time of all cores in use, including other machines on the same hardware. */
  readonly busy: number;
  /** Time of this process and of its children that have ended. */
  readonly own: number;
}

/** Undefined where there is no /proc. */
export function readCpuTicks(): CpuTicks | undefined {
  try {
    return parseCpuTicks(
      readFileSync("/proc/stat", "latin1"),
      readFileSync("/proc/self/stat", "latin1"),
    );
  } catch {
    return undefined;
  }
}

/** Reads /proc/stat and /proc/PID/stat. */
export function parseCpuTicks(machine: string, process: string): CpuTicks {
  // user nice system idle iowait irq softirq steal; what follows is counted in user and nice already.
  const counters = /^cpu +(.*)$/m.exec(machine)?.[1]?.split(" ").slice(0, 8).map(Number) ?? [];
  const all = sum(counters);
  const [, , , idle = 0, ioWait = 0] = counters;
  // Behind the command name, which may hold anything: utime stime cutime cstime.
  const own = process
    .slice(process.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 15)
    .map(Number);
  return { all, busy: all - idle - ioWait, own: sum(own) };
}

/** The share of all cores' time that others took between the two, from 0 to 1. */
export function shareOfOthers(before: CpuTicks, after: CpuTicks): number {
  const others = after.busy - before.busy - (after.own - before.own);
  return Math.max(0, others) / Math.max(1, after.all - before.all);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
