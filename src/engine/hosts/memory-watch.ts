import { RuntimeError } from "../../base/errors.ts";
import type { ProcessMemory } from "../process/process-memory.ts";

/** A host, as far as the memory of its runs goes. */
export interface WatchedHost {
  /** What it holds by right without any run: itself and its models; undefined: nobody knows. */
  readonly heldBytes: number | undefined;
  /** What its runs were let take. */
  readonly admittedBytes: number;
  readonly isRunning: boolean;
  /** A load may take what it has reserved, which is no matter of runs. */
  readonly isLoading: boolean;
  /** It may keep less than it did of what runs took. */
  lookAtKept(): void;
  readMemory(): ProcessMemory | undefined;
  /** Ends it with nothing under way: its models come back elsewhere. */
  endIdle(why: string): void;
  /** Ends the run that it is at, and thus itself. `bytes`: what that has taken. */
  endRun(reason: RuntimeError, bytes: number): void;
  /** Its runs need no more than `bytes` these days; the system counts `dataBytes` of it now. */
  lowerCap(bytes: number, dataBytes: number): void;
}

export interface MemoryWatchOptions {
  readonly totalBytes: number;
  hosts(): Iterable<WatchedHost>;
}

/** A run takes memory by some 1 to 2 GiB a second. */
const lookMs = 25;
/** What the memory of processes moves by for other reasons than runs. */
const slackBytes = 32 * 1024 * 1024;
const slackOfHost = 4 * 1024 * 1024;
/** Over its share by less no host is ended. */
const leastExcessBytes = 16 * 1024 * 1024;
/** Looks after which a cap is lowered to what its host's runs were let take meanwhile. */
const looksPerLowering = 400;

/** Sees to it that runs of which too little was expected end before the memory of all does: looks at the memory of the
 *  hosts while they run, and if all together have taken more than runs may, ends one. An idle one that has kept what its
 *  runs took goes first, of which no request hears; then the one whose run is furthest over its share. */
export class MemoryWatch {
  readonly #options: MemoryWatchOptions;
  readonly #timer: NodeJS.Timeout;
  /** Of each host what its runs were let take at most since its cap was looked at. */
  #most = new Map<WatchedHost, number>();
  #looks = 0;

  constructor(options: MemoryWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.look(), lookMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** What the timer calls. */
  look(): void {
    const hosts = [...this.#options.hosts()];
    for (const host of hosts) host.lookAtKept();
    this.#noteMost(hosts);
    if (++this.#looks % looksPerLowering === 0) this.#lowerCaps(hosts);
    if (hosts.some(({ isRunning }) => isRunning)) this.#keepSum(hosts);
  }

  #keepSum(hosts: readonly WatchedHost[]): void {
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

  /** Beside what it holds by right. */
  #takenBytes(host: WatchedHost): number {
    const { heldBytes, isLoading } = host;
    if (heldBytes === undefined || isLoading) return 0;
    const { anonymousBytes = 0 } = host.readMemory() ?? {};
    return Math.max(0, anonymousBytes - heldBytes);
  }

  #noteMost(hosts: readonly WatchedHost[]): void {
    for (const host of hosts) {
      const most = this.#most.get(host) ?? 0;
      if (host.admittedBytes >= most) this.#most.set(host, host.admittedBytes);
    }
  }

  #lowerCaps(hosts: readonly WatchedHost[]): void {
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
  { host, bytes }: { readonly host: WatchedHost; readonly bytes: number },
  totalBytes: number,
): RuntimeError {
  return new RuntimeError(
    "over-budget",
    `the run has taken ${mebibytes(bytes)} MiB where ${mebibytes(host.admittedBytes)} MiB were expected, and ` +
      `runs may take ${mebibytes(totalBytes)} MiB in all (RUN_MEMORY_BYTES): its engine host was ended`,
  );
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}
