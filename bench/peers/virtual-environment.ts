import { existsSync } from "node:fs";
import { join } from "node:path";

const binaries = join(import.meta.dirname, ".venv/bin");

/** A program of the virtual environment that set-up.sh makes. */
export function peerProgram(name: string): string {
  return join(binaries, name);
}

/** Why `program` cannot be run, if it cannot. */
export function missingProgram(name: string): string | undefined {
  return existsSync(peerProgram(name)) ? undefined : "bench/peers/set-up.sh has not been run";
}
