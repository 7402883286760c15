import type { DatabaseSync } from "node:sqlite";
import type { MessagePort } from "node:worker_threads";
import { statmBytes } from "./memory-counters.ts";

// How a process returns unused memory to the system. glibc keeps what was freed for the next allocation:
// blocks between others in use, and the end of the heap up to a threshold. Model runs would leave hundreds of
// megabytes there. `malloc_trim` exists for this, and Node has only one way to call it: SQLite, which is a
// part of Node, loads extensions by the name of a library and of the function to call in it.

const library = "libc.so.6";
const trimFunction = "malloc_trim";
/** SQLite's error for an extension whose function returned anything but 0, as `malloc_trim` does when it has
 *  given something back. */
const calledMessage = /^error during initialization/;

/** glibc takes blocks of this size from the heap, and blocks of 32 MiB and more from the system. */
const blockBytes = 31 * 1024 * 1024;
/** This many are never free between blocks in use. */
const mostBlocks = 64;

let loader: DatabaseSync | undefined;
let canTrim: boolean | undefined;

/** Whether free memory between blocks in use can be given back: needs glibc, and a Node whose SQLite loads
 *  extensions by function. */
export function returnsFreeMemory(): boolean {
  canTrim ??= trim();
  return canTrim;
}

/** Gives back free memory in this process's heap. `keptTopBytes`: how much glibc was told to keep at its end.
 *  Blocks for less than a millisecond, plus 0.1 ms for each megabyte that is given back. */
export function giveBackFreeMemory(keptTopBytes: number): void {
  if (!returnsFreeMemory()) return;
  dropTop(keptTopBytes);
  trim();
}

/** `malloc_trim` leaves as much at the end of the heap as its argument says, which here comes from SQLite and
 *  is huge. But glibc drops the end by itself once it reaches the threshold: blocks that are never written to
 *  make it do so. */
function dropTop(keptTopBytes: number): void {
  const fromBytes = statmBytes()?.dataBytes;
  if (fromBytes === undefined) return;
  held ??= new HeldBlocks();
  const blocks = held;
  try {
    // The first blocks may fit between others.
    for (let grownBytes = 0; grownBytes < keptTopBytes && blocks.count < mostBlocks; ) {
      blocks.add(blockBytes);
      grownBytes = (statmBytes()?.dataBytes ?? fromBytes) - fromBytes;
    }
  } catch {
    // This process's limit is reached: what was allocated must do until the next time.
  }
  // Freeing the last block merges all before it.
  blocks.free();
}

/** Blocks of memory that V8 does not know of while they are held: of five it would think that JavaScript had taken far
 *  too much, and collect garbage for milliseconds, each time. They lie in a channel that no one listens to. */
class HeldBlocks {
  readonly #channel = new MessageChannel();
  readonly #receive = process.getBuiltinModule("node:worker_threads").receiveMessageOnPort;
  count = 0;

  /** Throws if the system gives no more. */
  add(bytes: number): void {
    const { buffer } = Buffer.allocUnsafeSlow(bytes);
    this.#channel.port1.postMessage(buffer, [buffer]);
    this.count++;
  }

  free(): void {
    for (; this.count > 0; this.count--) {
      const received = this.#receive(this.#channel.port2 as MessagePort);
      (received?.message as ArrayBuffer | undefined)?.transfer(0);
    }
  }
}

let held: HeldBlocks | undefined;

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
