import { existsSync } from "node:fs";
import { join } from "node:path";

/** The virtual environments that set-up.sh makes. KServe and MLServer do not go into one. */
export type PeerEnvironment = ".venv" | ".venv-kserve";

/** A program of one of them. */
export function peerProgram(name: string, environment: PeerEnvironment = ".venv"): string {
  return join(import.meta.dirname, environment, "bin", name);
}

/** Why `program` cannot be run, if it cannot. */
export function missingProgram(
  name: string,
  environment: PeerEnvironment = ".venv",
): string | undefined {
  return existsSync(peerProgram(name, environment))
    ? undefined
    : "bench/peers/set-up.sh has not been run";
}
