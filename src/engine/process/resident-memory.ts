import { closeSync, openSync, readSync } from "node:fs";
import { pageSize } from "./process-memory.ts";

/** What the system tells of another process at next to no cost. */
export interface SeenMemory {
  /** Anonymous and resident: what no other process shares, code and files apart. */
  readonly anonymousBytes: number;
  /** What RLIMIT_DATA counts, about. */
  readonly dataBytes: number;
}

/** Far more than the seven numbers in the file. */
const text = Buffer.alloc(256);

/** Looks at the memory of one other process, again and again. */
export class ResidentMemory {
  #fd: number | undefined;

  /** Its file stays open until `close`. */
  constructor(pid: number) {
    try {
      this.#fd = openSync(`/proc/${pid}/statm`, "r");
    } catch {
      // No /proc, or no such process.
    }
  }

  /** Undefined if the process is gone, or nobody tells. Some microseconds. */
  read(): SeenMemory | undefined {
    const pageBytes = pageSize();
    if (this.#fd === undefined || pageBytes === undefined) return undefined;
    try {
      const sizeBytes = readSync(this.#fd, text, 0, text.length, 0);
      const [, resident, shared, , , data] = text.toString("latin1", 0, sizeBytes).split(" ");
      return {
        anonymousBytes: (Number(resident) - Number(shared)) * pageBytes,
        dataBytes: Number(data) * pageBytes,
      };
    } catch {
      this.close();
      return undefined;
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}
