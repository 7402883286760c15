import type { DatabaseSync } from "node:sqlite";
import { statmBytes } from "./process-memory.ts";

// How a process gives memory back to the system that nobody in it uses any more. glibc keeps what was freed, for the
// next who asks: blocks between others that are in use, and the end of the heap up to a threshold. Runs of models would
// leave hundreds of megabytes there. `malloc_trim` is made for it, and Node has no way to call it but one: SQLite, which
// is a part of Node, loads extensions by the name of a library and of the function in it that is to be called.

const library = "libc.so.6";
const trimFunction = "malloc_trim";
/** What SQLite says of an extension whose function was called and returned anything but 0, which `malloc_trim` does
 *  when it has given something back. */
const calledMessage = /^error during initialization/;

/** Glibc takes blocks of this size from the heap, and those of 32 MiB and more from the system. */
const blockBytes = 31 * 1024 * 1024;
/** So many of them are never free between blocks that are in use. */
const mostBlocks = 64;

let loader: DatabaseSync | undefined;
let canTrim: boolean | undefined;

/** Whether free memory between blocks in use can be given back here: with glibc, and a Node whose SQLite loads
 *  extensions by function. */
export function returnsFreeMemory(): boolean {
  canTrim ??= trim();
  return canTrim;
}

/** Gives back what is free in this process's heap. `keptTopBytes`: what glibc was told to keep at its end. Blocks for
 *  less than a millisecond, and 0.1 ms more for each megabyte that is given back. */
export function giveBackFreeMemory(keptTopBytes: number): void {
  if (!returnsFreeMemory()) return;
  dropTop(keptTopBytes);
  trim();
}

/** `malloc_trim` leaves as much at the end of the heap as its argument says, which is SQLite's here, and huge. But
 *  glibc drops the end by itself once that is as big as it was told: blocks that are never written to make it so. */
function dropTop(keptTopBytes: number): void {
  const blocks: ArrayBuffer[] = [];
  const fromBytes = statmBytes()?.dataBytes;
  if (fromBytes === undefined) return;
  try {
    // The first ones may fit between others.
    for (let grownBytes = 0; grownBytes < keptTopBytes && blocks.length < mostBlocks; ) {
      blocks.push(Buffer.allocUnsafeSlow(blockBytes).buffer);
      grownBytes = (statmBytes()?.dataBytes ?? fromBytes) - fromBytes;
    }
  } catch {
    // The limit of this process: what is there will do, or the next time.
  }
  // The last one joins all before it.
  for (const block of blocks) block.transfer(0);
}

function trim(): boolean {
  try {
    loader ??= openLoader();
    loader.loadExtension(library, trimFunction);
    return true;
  } catch (error) {
    return error instanceof Error && calledMessage.test(error.message);
  }
}

function openLoader(): DatabaseSync {
  const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
  const database = new DatabaseSync(":memory:", { allowExtension: true });
  database.enableLoadExtension(true);
  return database;
}
