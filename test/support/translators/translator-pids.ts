import { readdirSync, readFileSync } from "node:fs";

/** The translators that this process has started and that run now. */
export function translatorPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && isTranslator(name))
    .map(Number);
}

function isTranslator(pid: string): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (Number(parent) !== process.pid || state === "Z") return false;
    // Once it has set its title, that takes the place of its arguments.
    return /translator/.test(readFileSync(`/proc/${pid}/cmdline`, "latin1"));
  } catch {
    return false;
  }
}
