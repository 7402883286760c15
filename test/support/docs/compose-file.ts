import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { projectRoot } from "../servers/served.ts";

/** A service of a compose file, as far as our files use them. */
export interface ComposeService {
  readonly image?: string;
  readonly build?: string;
  readonly hostname?: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly network_mode?: string;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly mem_limit?: string | number;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
  readonly restart?: string;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes?: Readonly<Record<string, unknown>>;
}

/** A compose file of ours as `docker compose` reads it where no variable is set. `path` starts at the root. */
export function readComposeFile(path: string): ComposeFile {
  const text = readFileSync(join(projectRoot, path), "utf8");
  const interpolated = text.replaceAll(/\$\{(\w+):-([^}]*)\}/g, "$2");
  return parse(interpolated, { merge: true }) as ComposeFile;
}

/** The environment of a service as its processes get it. */
export function environmentOf({ environment = {} }: ComposeService): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, String(value)]),
  );
}
