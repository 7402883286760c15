import { readFileSync } from "node:fs";

/** Clock ticks of proc(5): 100 a second on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** What this process and those of its children that have ended used of the cores so far. Children count only
 *  where there is a /proc. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6 + childrenTicks() / ticksPerSecond;
}

function childrenTicks(): number {
  try {
    const stat = readFileSync("/proc/self/stat", "utf8");
    // proc(5): the name in parentheses may hold anything; state is the first field after it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(fields[13]) + Number(fields[14]);
  } catch {
    return 0;
  }
}
