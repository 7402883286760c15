import { openSync, readFileSync, readSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { getHeapStatistics } from "node:v8";

/** What the system tells of this process's memory, in bytes. */
export interface ProcessMemory {
  /** Anonymous and resident: what no other process shares, code and files apart. */
  readonly anonymousBytes: number;
  /** What RLIMIT_DATA limits: all that may be written to and is shared with nobody, resident or not. */
  readonly dataBytes: number;
}

const anonymousLines = /^RssAnon:\s+(\d+) kB$/gm;
/** Open for good, since most of what a look costs is to open the file. */
let statusFd: number | undefined;
/** Some three times what is in the file. */
const statusText = Buffer.alloc(4 * 1024);

/** As `ProcessMemory.anonymousBytes`, of another process; undefined also if that is gone. */
export async function anonymousBytesOf(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/status`, "latin1").catch(() => "");
  return sumOfKilobytes(text, anonymousLines);
}

/** Undefined where there is no /proc. Blocks for some 20 µs. */
export function processMemory(): ProcessMemory | undefined {
  const text = readStatus();
  const anonymousBytes = sumOfKilobytes(text, anonymousLines);
  const dataBytes = sumOfKilobytes(text, /^VmData:\s+(\d+) kB$/gm);
  if (anonymousBytes === undefined || dataBytes === undefined) return undefined;
  return { anonymousBytes, dataBytes };
}

/** Anonymous bytes, as just read, without those of JavaScript's heap, which comes and goes by megabytes
 *  for reasons of its own: the difference of two readings is what native code has taken between them. */
export function nativeBytes(memory: ProcessMemory | undefined): number | undefined {
  if (memory === undefined) return undefined;
  return memory.anonymousBytes - getHeapStatistics().total_physical_size;
}

/** Collects the buffers that JavaScript has dropped, if there are enough to be taken for a model's
 *  memory. Blocks for some milliseconds if so. */
export function collectBuffers(): void {
  if (getHeapStatistics().external_memory < keptBytes + collectedFromBytes) return;
  globalThis.gc?.();
  keptBytes = getHeapStatistics().external_memory;
}

const collectedFromBytes = 1024 * 1024;
/** What was in use at the last collection, Node's own above all: to collect again frees nothing of it. */
let keptBytes = getHeapStatistics().external_memory;

/** Resident bytes that no other process shares, undefined where there is no /proc. Blocks for some
 *  milliseconds: the system visits every page. */
export function privateBytes(): number | undefined {
  return sumOfKilobytes(
    readProc("/proc/self/smaps_rollup"),
    /^Private_(?:Clean|Dirty|Hugetlb):\s+(\d+) kB$/gm,
  );
}

function readStatus(): string {
  try {
    statusFd ??= openSync("/proc/self/status", "r");
    const sizeBytes = readSync(statusFd, statusText, 0, statusText.length, 0);
    return statusText.toString("latin1", 0, sizeBytes);
  } catch {
    return "";
  }
}

function readProc(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

function sumOfKilobytes(text: string, lines: RegExp): number | undefined {
  let sum: number | undefined;
  for (const [, kilobytes] of text.matchAll(lines)) sum = (sum ?? 0) + Number(kilobytes) * 1024;
  return sum;
}
