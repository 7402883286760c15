import { setFlagsFromString } from "node:v8";

/** How much garbage may join the live memory before a full collection, in percent of that memory. */
const heapGrowth = 100;

/** Configures V8 for a server with idle pauses. By default V8 collects aggressively in the first idle seconds:
 *  it drops hidden classes without live objects, and with them all code compiled for them. From then on the
 *  heap may grow by only some ten MB at a time, which means several full collections a second under load. Idle
 *  memory is still given back. */
export function setCollectorFlags(): void {
  const major = Number(process.versions.node.split(".", 1));
  // Other versions do not know the flag, and complain on stderr.
  if (major === 24 || major === 25) setFlagsFromString("--no-memory-reducer-favors-memory");
  setFlagsFromString(`--heap-growing-percent=${heapGrowth}`);
}
