import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { processMemory } from "../process/memory-counters.ts";

/** Where distributions install util-linux. Translators have no PATH. */
const prlimitPaths = ["/usr/bin/prlimit", "/bin/prlimit"];

/** From now on, the system refuses this process more than `bytes` beyond what it has reserved so far, of which Node
 *  uses a small part. Does nothing where that cannot be set: then V8's own limit remains. Blocks. */
export function limitOwnMemory(bytes: number): void {
  const prlimit = prlimitPaths.find((path) => existsSync(path));
  const reserved = processMemory()?.dataBytes;
  if (prlimit === undefined || reserved === undefined) return;
  const options = ["--pid", String(process.pid), `--data=${Math.ceil(reserved + bytes)}:`];
  try {
    execFileSync(prlimit, options, { stdio: "ignore", timeout: 5_000 });
  } catch {
    // As if the program were not there.
  }
}
