import { statfs } from "node:fs/promises";
import { RuntimeError } from "../base/errors.ts";

/** Disk space of one pull, present and future. */
export interface DiskUse {
  /** The total that it needs; grows with the data if the store did not announce the size. */
  reservedBytes: number;
  /** How much of this has been written. */
  writtenBytes: number;
}

/** Disk space for pulled models: our limit, and the free space of the file system. */
export class DiskBudget {
  readonly #directory: string;
  readonly #limitBytes: number;
  readonly #uses = new Set<DiskUse>();

  /** `limitBytes` 0: only the file system's own limit. */
  constructor(directory: string, limitBytes: number) {
    this.#directory = directory;
    this.#limitBytes = limitBytes;
  }

  get reservedBytes(): number {
    let sum = 0;
    for (const { reservedBytes } of this.#uses) sum += reservedBytes;
    return sum;
  }

  /** Reserves `bytes`. The directory must exist. Throws "over-budget". */
  async reserve(bytes: number): Promise<DiskUse> {
    const use = { reservedBytes: bytes, writtenBytes: 0 };
    this.#uses.add(use);
    try {
      this.#check(bytes);
      const { bavail, bsize } = await statfs(this.#directory);
      let missing = 0;
      for (const { reservedBytes, writtenBytes } of this.#uses)
        missing += reservedBytes - writtenBytes;
      if (missing > bavail * bsize) {
        throw overBudget(bytes, `the disk has ${bavail * bsize} bytes free`);
      }
      return use;
    } catch (error) {
      this.release(use);
      throw error;
    }
  }

  /** Counts bytes that were written; negative if they were discarded. Throws "over-budget". */
  write(use: DiskUse, bytes: number): void {
    use.writtenBytes += bytes;
    if (use.writtenBytes <= use.reservedBytes) return;
    use.reservedBytes = use.writtenBytes;
    this.#check(use.reservedBytes);
  }

  /** Gives back what was reserved and not written. */
  settle(use: DiskUse): void {
    use.reservedBytes = use.writtenBytes;
  }

  release(use: DiskUse): void {
    this.#uses.delete(use);
  }

  #check(bytes: number): void {
    const limit = this.#limitBytes;
    const { reservedBytes } = this;
    if (limit === 0 || reservedBytes <= limit) return;
    throw overBudget(bytes, `other models take ${reservedBytes - bytes} of ${limit} bytes`);
  }
}

function overBudget(bytes: number, why: string): RuntimeError {
  return new RuntimeError(
    "over-budget",
    `the disk for pulled models has no room for ${bytes} bytes: ${why}`,
  );
}
