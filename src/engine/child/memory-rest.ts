import { giveBackFreeMemory } from "../process/free-memory.ts";
import { anonymousBytes, collectBuffers, nativeBytes } from "../process/process-memory.ts";

const MiB = 1024 * 1024;

/** Less than this, and than the share, is left for the next run: to have it anew would cost more than it is worth. */
const keptBytes = 256 * 1024;
const keptShare = 1 / 200;
/** Of a host that is never idle: at most so often, and only this much. */
const busyPauseMs = 2_000;
const busyKeptBytes = 16 * MiB;

/** When a host gives back what runs have left free in it. While runs follow each other it stays, as the next one needs
 *  it again; between runs a host holds its models and nothing else. */
export class MemoryRest {
  readonly #keptTopBytes: number;
  /** Native memory after the last time. */
  #restedBytes: number | undefined;
  #busyLookMs = performance.now();

  /** `keptTopBytes`: as of `giveBackFreeMemory`. */
  constructor(keptTopBytes: number) {
    this.#keptTopBytes = keptTopBytes;
  }

  /** The host has nothing to do. */
  idle(): void {
    this.ifGrown(Math.max(keptBytes, (this.#restedBytes ?? 0) * keptShare));
  }

  /** After a run, whose tensors are still there. `nowMs`: of `performance.now`. */
  busy(nowMs: number): void {
    if (nowMs - this.#busyLookMs < busyPauseMs) return;
    this.#busyLookMs = nowMs;
    if (this.#grownBytes() >= busyKeptBytes) giveBackFreeMemory(this.#keptTopBytes);
  }

  /** Gives back what is free if native memory has grown by `bytes` since the last time. */
  ifGrown(bytes: number): void {
    if (this.#grownBytes() >= bytes) this.now();
  }

  /** Gives back what is free. */
  now(): void {
    collectBuffers();
    giveBackFreeMemory(this.#keptTopBytes);
    this.#restedBytes = nativeBytes(anonymousBytes());
  }

  /** Something was freed that had been there the last time: the next look does not go by the growth. */
  expect(): void {
    this.#restedBytes = undefined;
  }

  #grownBytes(): number {
    const nowBytes = nativeBytes(anonymousBytes());
    if (nowBytes === undefined) return 0;
    return this.#restedBytes === undefined ? nowBytes : nowBytes - this.#restedBytes;
  }
}
