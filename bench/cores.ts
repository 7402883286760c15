import { spawnSync } from "node:child_process";

/** Which cores are used for what. A list in taskset's format, or undefined where processes cannot be bound or
 *  there is only one core: then the system decides, and the results say so. */
export interface Cores {
  /** For servers and limits that run in one process. */
  readonly server: string | undefined;
  /** For load clients. */
  readonly client: string | undefined;
}

/** One core for servers and another for clients, of those that this process may use. */
export function chooseCores(): Cores {
  const { status, stdout } = spawnSync("taskset", ["-pc", String(process.pid)], {
    encoding: "utf8",
  });
  const cores = status === 0 ? readCoreList(stdout.slice(stdout.lastIndexOf(":") + 1)) : [];
  const [server, client] = cores;
  if (server === undefined || client === undefined) return { server: undefined, client: undefined };
  return { server: String(server), client: String(client) };
}

/** "0-2,5" is 0, 1, 2 and 5. */
export function readCoreList(text: string): number[] {
  return text
    .trim()
    .split(",")
    .flatMap((range) => {
      const [first = Number.NaN, last = first] = range.split("-").map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
}

/** The command that runs `command` on `cores`. */
export function bindTo(cores: string | undefined, command: readonly string[]): string[] {
  return cores === undefined ? [...command] : ["taskset", "-c", cores, ...command];
}
