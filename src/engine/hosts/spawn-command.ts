import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import type { EngineLog } from "../contract/engine-log.ts";

export interface HostCommand {
  readonly file: string;
  readonly args: readonly string[];
}

/** Where distributions install util-linux. Hosts have no PATH. */
const setprivPaths = ["/usr/bin/setpriv", "/bin/setpriv"];

/** Looked up once per server. */
let wrapper: readonly string[] | undefined;

/** The command that starts `program`, behind wrappers that set what Node cannot set for a child. Each wrapper
 *  replaces itself by exec, so the child's pid is the program's. */
export function hostCommand(program: readonly string[], log: EngineLog): HostCommand {
  wrapper ??= findWrapper(log);
  const [file, ...args] = [...wrapper, ...program];
  if (file === undefined) throw new Error("expected a program's name");
  return { file, args };
}

/** Makes the kernel kill a host when the thread that started it ends, for whatever reason: a host notices
 *  that its socket has closed only between two runs, and a run may never end. */
const deathSignal = ["--pdeathsig", "KILL"];
/** A host only computes, and needs no privileges. Executables with capabilities or a set user id give it
 *  none. */
const fewRights = ["--no-new-privs", "--inh-caps", "-all", "--ambient-caps", "-all"];
/** What root keeps across an exec. Other users may not drop it, and have none of it. */
const noRootRights = ["--bounding-set", "-all"];

/** Options for setpriv, the best first: systems refuse some of them, and old versions do not know all. */
const choices: readonly (readonly string[])[] = [
  [...deathSignal, ...fewRights, ...noRootRights],
  [...deathSignal, ...fewRights],
  [...deathSignal, "--no-new-privs"],
  deathSignal,
];

function findWrapper(log: EngineLog): readonly string[] {
  for (const setpriv of setprivPaths.filter((path) => existsSync(path))) {
    for (const options of choices) {
      const trial = [...options, setpriv, "--version"];
      // Busybox's setpriv knows none of the options.
      const { status } = spawnSync(setpriv, trial, { stdio: "ignore", timeout: 5_000 });
      if (status === 0) return [setpriv, ...options];
    }
  }
  log.warn(
    { program: "setpriv", package: "util-linux" },
    "program not found: a run that never ends outlives a server that is killed",
  );
  return [];
}
