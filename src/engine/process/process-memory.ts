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
let statmFd: number | undefined;
/** Far more than the seven numbers in the file. */
const statmText = Buffer.alloc(256);
/** Undefined where the system does not tell. */
let pageBytes: number | undefined;
/** AT_PAGESZ, the entry of the auxiliary vector with the size of a page. */
const pageSizeEntry = 6n;

/** As `ProcessMemory.anonymousBytes`, of another process; undefined also if that is gone. */
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

/** As `ProcessMemory.anonymousBytes`, from numbers that the system has at hand: the whole status takes it five
 *  times as long, which is a good part of a small load. */
export function anonymousBytes(): number | undefined {
  return (statmBytes() ?? processMemory())?.anonymousBytes;
}

/** The same, of both. Undefined where the system does not tell in this way. Blocks for some 10 µs. */
export function statmBytes(): ProcessMemory | undefined {
  try {
    statmFd ??= openSync("/proc/self/statm", "r");
    const sizeBytes = readSync(statmFd, statmText, 0, statmText.length, 0);
    return statmOf(statmText.toString("latin1", 0, sizeBytes));
  } catch {
    return undefined;
  }
}

/** What the text of a /proc/PID/statm says. Undefined where the system does not tell how big its pages are. */
export function statmOf(text: string): ProcessMemory | undefined {
  pageBytes ??= readPageBytes();
  if (pageBytes === undefined) return undefined;
  // Pages: of the address space, resident, and resident of files or shared memory, which the rest is not; of code,
  // nothing, and of data.
  const [, resident, shared, , , data] = text.split(" ").map(Number);
  if (resident === undefined || shared === undefined || data === undefined) return undefined;
  return { anonymousBytes: (resident - shared) * pageBytes, dataBytes: data * pageBytes };
}

/** Anonymous bytes, as just read, without those of JavaScript's heap, which comes and goes by megabytes
 *  for reasons of its own: the difference of two readings is what native code has taken between them. */
export function nativeBytes(anonymous: number | undefined): number | undefined {
  return anonymous === undefined ? undefined : anonymous - getHeapStatistics().total_physical_size;
}

/** Collects the buffers that JavaScript has dropped, if there are enough to be taken for a model's
 *  memory. Blocks for some milliseconds if so. */
export function collectBuffers(): void {
  if (getHeapStatistics().external_memory < keptBytes + collectedFromBytes) return;
  globalThis.gc?.();
  noteKept(getHeapStatistics().external_memory);
}

/** A payload that is just arriving is in use as well, and must not be left for good when it is not any more. */
function noteKept(externalBytes: number): void {
  keptBytes = Math.min(externalBytes, startBytes + collectedFromBytes);
}

const collectedFromBytes = 1024 * 1024;
/** What was in use at the last collection, Node's own above all: to collect again frees nothing of it. */
let keptBytes = getHeapStatistics().external_memory;
const startBytes = keptBytes;

/** Gives back what JavaScript's heap has grown by, if that is much: some collection would do it later, as if a model had
 *  given memory back. The start of a process leaves megabytes as well. Blocks for some 20 ms if so. */
export function shrinkHeap(): void {
  if (getHeapStatistics().total_physical_size < shrunkHeapBytes + shrunkFromBytes) return;
  globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
  const { total_physical_size, external_memory } = getHeapStatistics();
  shrunkHeapBytes = total_physical_size;
  noteKept(external_memory);
}

const shrunkFromBytes = 2 * 1024 * 1024;
/** Of the heap, after the last time. */
let shrunkHeapBytes = 0;

/** Resident bytes that no other process shares, undefined where there is no /proc. Blocks for some
 *  milliseconds: the system visits every page. */
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
