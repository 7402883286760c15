import { giveBackFreeMemory } from "../process/free-memory.ts";
import { anonymousBytes, collectBuffers, nativeBytes } from "../process/process-memory.ts";

const MiB = 1024 * 1024;

/** Less than this, and than the share, is left for the next run: to have it anew would cost more than it is worth. */
const keptBytes = 256 * 1024;
const keptShare = 1 / 200;
/** Of a host that is never idle: at most so often, and only this much. */
const busyPauseMs = 2_000;
const busyKeptBytes = 16 * MiB;

/** A process's memory, as far as it matters here. */
export interface RestingMemory {
  /** Without JavaScript's heap; undefined where the system does not tell. */
  nativeBytes(): number | undefined;
  giveBack(): void;
  /** Now, by `performance.now`. */
  readonly startMs: number;
}

/** That of this process. `keptTopBytes`: as of `giveBackFreeMemory`. */
export function ownMemory(keptTopBytes: number): RestingMemory {
  return {
    nativeBytes: () => nativeBytes(anonymousBytes()),
    giveBack: () => giveBackFreeMemory(keptTopBytes),
    startMs: performance.now(),
  };
}

/** When a host gives back what runs have left free in it. While runs follow each other it stays, as the next one needs
 *  it again; between runs a host holds its models and nothing else. */
export class MemoryRest {
  readonly #memory: RestingMemory;
  /** Native memory after the last time. */
  #restedBytes: number | undefined;
  #busyLookMs: number;

  constructor(memory: RestingMemory) {
    this.#memory = memory;
    this.#busyLookMs = memory.startMs;
  }

  /** The host has nothing to do. */
  idle(): void {
    this.ifGrown(Math.max(keptBytes, (this.#restedBytes ?? 0) * keptShare));
  }

  /** After a run, whose tensors are still there. `nowMs`: of `performance.now`. */
  busy(nowMs: number): void {
    if (nowMs - this.#busyLookMs < busyPauseMs) return;
    this.#busyLookMs = nowMs;
    if (this.#grownBytes() >= busyKeptBytes) this.#memory.giveBack();
  }

  /** Gives back what is free if native memory has grown by `bytes` since the last time. */
  ifGrown(bytes: number): void {
    if (this.#grownBytes() >= bytes) this.now();
  }

  /** Gives back what is free. */
  now(): void {
    collectBuffers();
    this.#memory.giveBack();
    this.#restedBytes = this.#memory.nativeBytes();
  }

  /** Something was freed that had been there the last time: the next look does not go by the growth. */
  expect(): void {
    this.#restedBytes = undefined;
  }

  #grownBytes(): number {
    const nowBytes = this.#memory.nativeBytes();
    if (nowBytes === undefined) return 0;
    return this.#restedBytes === undefined ? nowBytes : nowBytes - this.#restedBytes;
  }
}
