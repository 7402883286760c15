import { readFileSync, writeFileSync } from "node:fs";

const path = "/proc/self/oom_score_adj";
/** Half of the range: outweighs any value that the server has set for itself. */
const above = 500;
const most = 1000;

/** Makes the kernel kill this process before its parent when memory runs out: a lost host's models come back,
 *  a lost server's do not. Does nothing where this is not possible. */
export function preferForOom(): void {
  try {
    const own = Number(readFileSync(path, "latin1"));
    writeFileSync(path, String(Math.min(most, own + above)));
  } catch {
    // No /proc, or no permission to write there.
  }
}
