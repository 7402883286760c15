import { existsSync } from "node:fs";
import { join } from "node:path";

/** The virtual environments that the scripts make which set peers up: the packages of one do not go with those of
 *  another. */
export type PeerEnvironment = ".venv" | ".venv-kserve" | ".venv-fastembed" | ".venv-infinity";

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
    : `bench/peers/${scriptOf(environment)} has not been run`;
}

function scriptOf(environment: PeerEnvironment): string {
  return environment === ".venv" || environment === ".venv-kserve" ? "set-up.sh" : "set-up-text.sh";
}
