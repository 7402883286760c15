import { readFileSync, writeFileSync } from "node:fs";

const path = "/proc/self/oom_score_adj";
/** Half of the range: outweighs whatever the server has taken itself. */
const above = 500;
const most = 1000;

/** Has the system, when it is out of memory, end this process before the one that started it: a lost host's models
 *  come back, a lost server's do not. Does nothing where that cannot be had. */
export function preferForOom(): void {
  try {
    const own = Number(readFileSync(path, "latin1"));
    writeFileSync(path, String(Math.min(most, own + above)));
  } catch {
    // No /proc, or not to be written to.
  }
}
