import { RuntimeError } from "../../base/errors.ts";
import { mebibytes } from "../../base/mebibytes.ts";
import type { ProcessMemory } from "../process/memory-counters.ts";

/** A host, as far as the memory of its runs is concerned. */
export interface MonitoredHost {
  /** What it may hold without any run: itself and its models; undefined if unknown. */
  readonly heldBytes: number | undefined;
  /** What its runs have been admitted for. */
  readonly admittedBytes: number;
  readonly isRunning: boolean;
  /** A load may take what it has reserved; that is not memory of runs. */
  readonly isLoading: boolean;
  /** It may keep less of what runs took than it did. */
  lookAtKept(): void;
  readMemory(): ProcessMemory | undefined;
  /** Ends an idle host: its models are reloaded elsewhere. */
  endIdle(why: string): void;
  /** Ends the current run, and the host with it. `bytes`: what the run has taken. */
  endRun(reason: RuntimeError, bytes: number): void;
  /** Its runs currently need no more than `bytes`; the system counts `dataBytes` for the host now. */
  lowerCap(bytes: number, dataBytes: number): void;
}

export interface MemoryMonitorOptions {
  readonly totalBytes: number;
  hosts(): Iterable<MonitoredHost>;
}

/** Runs allocate 1 to 2 GiB per second. */
const lookMs = 25;
/** How much the memory of processes varies for other reasons than runs. */
const slackBytes = 32 * 1024 * 1024;
const slackOfHost = 4 * 1024 * 1024;
/** A host is not killed for exceeding its share by less than this. */
const leastExcessBytes = 16 * 1024 * 1024;
/** Looks after which a cap is lowered to what its host's runs were admitted for meanwhile. */
const looksPerLowering = 400;

/** Stops runs that take more than expected before memory runs out: it checks the hosts' memory while they
 *  run, and kills one if all together exceed what runs may take. An idle host that has kept memory from its
 *  runs goes first, because no request notices; then the host whose run exceeds its share the most. */
export class MemoryMonitor {
  readonly #options: MemoryMonitorOptions;
  readonly #timer: NodeJS.Timeout;
  /** Per host, the most its runs were admitted for since its cap was last checked. */
  #most = new Map<MonitoredHost, number>();
  #looks = 0;

  constructor(options: MemoryMonitorOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.look(), lookMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** The timer's callback. */
  look(): void {
    const hosts = [...this.#options.hosts()];
    for (const host of hosts) host.lookAtKept();
    this.#noteMost(hosts);
    if (++this.#looks % looksPerLowering === 0) this.#lowerCaps(hosts);
    if (hosts.some(({ isRunning }) => isRunning)) this.#keepSum(hosts);
  }

  #keepSum(hosts: readonly MonitoredHost[]): void {
    const { totalBytes } = this.#options;
    const taken = hosts.map((host) => {
      const bytes = this.#takenBytes(host);
      return { host, bytes, overBytes: bytes - host.admittedBytes };
    });
    const sumBytes = taken.reduce((sum, { bytes }) => sum + bytes, 0);
    if (sumBytes <= totalBytes + slackBytes + slackOfHost * hosts.length) return;
    const ends = taken
      .filter(({ host, overBytes }) => !host.isLoading && overBytes >= leastExcessBytes)
      .sort((a, b) => b.overBytes - a.overBytes);
    const worst = ends.find(({ host }) => !host.isRunning) ?? ends[0];
    if (worst === undefined) return;
    const { host, bytes } = worst;
    if (host.isRunning) host.endRun(tooMuch(worst, totalBytes), bytes);
    else host.endIdle(`it kept ${mebibytes(bytes)} MiB of what runs had taken`);
  }

  /** Beyond what it may hold without runs. */
  #takenBytes(host: MonitoredHost): number {
    const { heldBytes, isLoading } = host;
    if (heldBytes === undefined || isLoading) return 0;
    const { anonymousBytes = 0 } = host.readMemory() ?? {};
    return Math.max(0, anonymousBytes - heldBytes);
  }

  #noteMost(hosts: readonly MonitoredHost[]): void {
    for (const host of hosts) {
      const most = this.#most.get(host) ?? 0;
      if (host.admittedBytes >= most) this.#most.set(host, host.admittedBytes);
    }
  }

  #lowerCaps(hosts: readonly MonitoredHost[]): void {
    const most = this.#most;
    this.#most = new Map();
    for (const host of hosts) {
      if (host.isLoading) continue;
      const seen = host.readMemory();
      if (seen !== undefined) host.lowerCap(most.get(host) ?? 0, seen.dataBytes);
    }
  }
}

function tooMuch(
  { host, bytes }: { readonly host: MonitoredHost; readonly bytes: number },
  totalBytes: number,
): RuntimeError {
  return new RuntimeError(
    "over-budget",
    `the run took ${mebibytes(bytes)} MiB, ${mebibytes(host.admittedBytes)} MiB were expected, and all ` +
      `runs together may take ${mebibytes(totalBytes)} MiB (RUN_MEMORY_BYTES): its engine host was killed`,
  );
}
