import { openSync, readFileSync, readSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { getHeapStatistics } from "node:v8";

/** What the system reports about this process's memory, in bytes. */
export interface ProcessMemory {
  /** Anonymous and resident: private memory, without code and files. */
  readonly anonymousBytes: number;
  /** What RLIMIT_DATA limits: all private writable memory, resident or not. */
  readonly dataBytes: number;
}

const anonymousLines = /^RssAnon:\s+(\d+) kB$/gm;
/** Kept open, since opening the file is most of the cost of reading it. */
let statmFd: number | undefined;
/** Far more than the seven numbers in the file. */
const statmText = Buffer.alloc(256);
/** Undefined where the system does not report it. */
let pageBytes: number | undefined;
/** AT_PAGESZ, the entry of the auxiliary vector with the size of a page. */
const pageSizeEntry = 6n;

/** As `ProcessMemory.anonymousBytes`, for another process; also undefined if that process is gone. */
export async function anonymousBytesOf(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/status`, "latin1").catch(() => "");
  return sumOfKilobytes(text, anonymousLines);
}

/** Undefined where there is no /proc. Blocks for some 100 µs. */
export function processMemory(): ProcessMemory | undefined {
  const text = readProc("/proc/self/status");
  const anonymousBytes = sumOfKilobytes(text, anonymousLines);
  const dataBytes = sumOfKilobytes(text, /^VmData:\s+(\d+) kB$/gm);
  if (anonymousBytes === undefined || dataBytes === undefined) return undefined;
  return { anonymousBytes, dataBytes };
}

/** As `ProcessMemory.anonymousBytes`, from counters that the system keeps: the whole status takes five times
 *  as long, a good part of a small load. */
export function anonymousBytes(): number | undefined {
  return (statmBytes() ?? processMemory())?.anonymousBytes;
}

/** The same, for both. Undefined where the system does not report it this way. Blocks for some 10 µs. */
export function statmBytes(): ProcessMemory | undefined {
  try {
    statmFd ??= openSync("/proc/self/statm", "r");
    const sizeBytes = readSync(statmFd, statmText, 0, statmText.length, 0);
    return statmOf(statmText.toString("latin1", 0, sizeBytes));
  } catch {
    return undefined;
  }
}

/** Parses a /proc/PID/statm. Undefined where the page size is unknown. */
export function statmOf(text: string): ProcessMemory | undefined {
  pageBytes ??= readPageBytes();
  if (pageBytes === undefined) return undefined;
  // In pages: address space, resident, and resident of files or shared memory, which is subtracted; code, an
  // unused field, and data.
  const [, resident, shared, , , data] = text.split(" ").map(Number);
  if (resident === undefined || shared === undefined || data === undefined) return undefined;
  return { anonymousBytes: (resident - shared) * pageBytes, dataBytes: data * pageBytes };
}

/** Anonymous bytes, as just read, without JavaScript's heap, which varies by megabytes for reasons of its
 *  own: the difference of two readings is what native code has taken in between. */
export function nativeBytes(anonymous: number | undefined): number | undefined {
  return anonymous === undefined ? undefined : anonymous - getHeapStatistics().total_physical_size;
}

/** Collects the buffers that JavaScript has dropped, if there are enough to be mistaken for a model's memory.
 *  If so, blocks for some milliseconds. */
export function collectBuffers(): void {
  if (getHeapStatistics().external_memory < keptBytes + collectedFromBytes) return;
  globalThis.gc?.();
  noteKept(getHeapStatistics().external_memory);
}

/** A payload that is just arriving counts as in use too, and must not stay counted for good. */
function noteKept(externalBytes: number): void {
  keptBytes = Math.min(externalBytes, startBytes + collectedFromBytes);
}

const collectedFromBytes = 1024 * 1024;
/** What was in use at the last collection, mostly Node's own: another collection would not free it. */
let keptBytes = getHeapStatistics().external_memory;
const startBytes = keptBytes;

/** Gives back growth of JavaScript's heap, if there is much: some later collection would do it, and look as
 *  if a model had given memory back. A process's start leaves megabytes as well. If so, blocks for some 20
 *  ms. */
export function shrinkHeap(): void {
  if (getHeapStatistics().total_physical_size < shrunkHeapBytes + shrunkFromBytes) return;
  dropHeapPages();
}

/** Gives back all of JavaScript's heap that is free. V8 keeps the pages that an ordinary collection frees, and counts
 *  them no more: they look like native memory. Blocks for some 20 ms. */
export function dropHeapPages(): void {
  globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
  const { total_physical_size, external_memory } = getHeapStatistics();
  shrunkHeapBytes = total_physical_size;
  noteKept(external_memory);
}

const shrunkFromBytes = 2 * 1024 * 1024;
/** The heap's size after the last collection. */
let shrunkHeapBytes = 0;

/** Private resident bytes, undefined where there is no /proc. Blocks for some milliseconds: the system visits
 *  every page. */
export function privateBytes(): number | undefined {
  return sumOfKilobytes(
    readProc("/proc/self/smaps_rollup"),
    /^Private_(?:Clean|Dirty|Hugetlb):\s+(\d+) kB$/gm,
  );
}

/** The auxiliary vector is pairs of machine words. */
function readPageBytes(): number | undefined {
  let words: BigUint64Array;
  try {
    words = new BigUint64Array(new Uint8Array(readFileSync("/proc/self/auxv")).buffer);
  } catch {
    return undefined;
  }
  for (let at = 0; at + 1 < words.length; at += 2) {
    if (words[at] === pageSizeEntry) return Number(words[at + 1]);
  }
  return undefined;
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

/** What JavaScript holds in this process after a collection, which blocks for some 10 ms: the difference of two
 *  readings is what was kept in between. */
export function heapBytes(): number {
  globalThis.gc?.();
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}
