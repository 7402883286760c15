import { giveBackFreeMemory } from "../process/free-memory.ts";
import { anonymousBytes, collectBuffers, nativeBytes } from "../process/memory-counters.ts";

const MiB = 1024 * 1024;

/** Less free memory than this, and than the share, stays for the next run: getting it again would cost more
 *  than it is worth. */
const keptBytes = 256 * 1024;
const keptShare = 1 / 200;
/** For a host that is never idle: how often at most, and from how much on. */
const busyPauseMs = 250;
const busyKeptBytes = 16 * MiB;

/** This process's memory, as far as needed here. */
export interface RestingMemory {
  /** Native memory, without JavaScript's heap; undefined where the system does not report it. */
  nativeBytes(): number | undefined;
  giveBack(): void;
  /** The current time, from `performance.now`. */
  readonly startMs: number;
}

/** The current process. `keptTopBytes`: as for `giveBackFreeMemory`. */
export function ownMemory(keptTopBytes: number): RestingMemory {
  return {
    nativeBytes: () => nativeBytes(anonymousBytes()),
    giveBack: () => giveBackFreeMemory(keptTopBytes),
    startMs: performance.now(),
  };
}

/** Decides when a host gives back what runs have left free in it. While runs follow each other it stays,
 *  because the next one needs it; between runs a host holds its models and nothing else. */
export class MemoryRest {
  readonly #memory: RestingMemory;
  /** Native memory after the last release. */
  #restedBytes: number | undefined;
  #busyLookMs: number;

  constructor(memory: RestingMemory) {
    this.#memory = memory;
    this.#busyLookMs = memory.startMs;
  }

  /** The host has become idle. */
  idle(): void {
    this.ifGrown(Math.max(keptBytes, (this.#restedBytes ?? 0) * keptShare));
  }

  /** After a run, while its tensors are still alive. `nowMs`: from `performance.now`. */
  busy(nowMs: number): void {
    if (nowMs - this.#busyLookMs < busyPauseMs) return;
    this.#busyLookMs = nowMs;
    if (this.#grownBytes() < busyKeptBytes) return;
    // Consecutive big runs leave their tensors faster than V8 collects them.
    collectBuffers();
    this.#memory.giveBack();
  }

  /** Gives back free memory if native memory has grown by `bytes` since the last release. */
  ifGrown(bytes: number): void {
    if (this.#grownBytes() >= bytes) this.now();
  }

  /** Gives back free memory. */
  now(): void {
    collectBuffers();
    this.#memory.giveBack();
    this.#restedBytes = this.#memory.nativeBytes();
  }

  /** Memory from before the last release was freed: the next check ignores the growth. */
  expect(): void {
    this.#restedBytes = undefined;
  }

  #grownBytes(): number {
    const nowBytes = this.#memory.nativeBytes();
    if (nowBytes === undefined) return 0;
    return this.#restedBytes === undefined ? nowBytes : nowBytes - this.#restedBytes;
  }
}
