import { closeSync, openSync, readSync } from "node:fs";
import { type ProcessMemory, statmOf } from "./memory-counters.ts";

/** Far more than the seven numbers in the file. */
const text = Buffer.alloc(256);

/** Reads another process's memory repeatedly. */
export class ResidentMemory {
  #fd: number | undefined;

  /** The process's file stays open until `close`. */
  constructor(pid: number) {
    try {
      this.#fd = openSync(`/proc/${pid}/statm`, "r");
    } catch {
      // No /proc, or no such process.
    }
  }

  /** Undefined if the process is gone, or the system does not report it. Takes some microseconds. */
  read(): ProcessMemory | undefined {
    if (this.#fd === undefined) return undefined;
    try {
      const sizeBytes = readSync(this.#fd, text, 0, text.length, 0);
      return statmOf(text.toString("latin1", 0, sizeBytes));
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
