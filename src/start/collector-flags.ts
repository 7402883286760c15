import { setFlagsFromString } from "node:v8";

/** Of live memory: how much garbage may join it before a full collection, in per cent. */
const heapGrowth = 200;

/** Sets V8 up for a server that has pauses. Left alone, V8 collects in the first idle seconds with all
 *  severity: hidden classes of which no object lives go, with all the code that is compiled for them, and from
 *  then on the heap may grow by some ten MB at a time, with several full collections a second under load.
 *  Idle memory is still given back. */
export function setCollectorFlags(): void {
  const major = Number(process.versions.node.split(".", 1));
  // Older ones do not know it, and say so on stderr.
  if (major >= 24) setFlagsFromString("--no-memory-reducer-favors-memory");
  setFlagsFromString(`--heap-growing-percent=${heapGrowth}`);
}
