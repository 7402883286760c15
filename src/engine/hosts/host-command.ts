import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import type { EngineLog } from "../contract/engine-log.ts";

export interface HostCommand {
  readonly file: string;
  readonly args: readonly string[];
}

/** Where distributions put util-linux. The environment of hosts has no PATH. */
const setprivPaths = ["/usr/bin/setpriv", "/bin/setpriv"];

/** Looked for once in the life of the server. */
let wrapper: readonly string[] | undefined;

/** The command that starts `program`, behind wrappers that set what Node cannot set for a child. A wrapper
 *  becomes the program by exec: the child's pid is the program's. */
export function hostCommand(program: readonly string[], log: EngineLog): HostCommand {
  wrapper ??= findWrapper(log);
  const [file, ...args] = [...wrapper, ...program];
  if (file === undefined) throw new Error("a program has a name");
  return { file, args };
}

/** Makes the kernel kill a host when the thread that started it ends, however that comes to pass: a host notices the end
 *  of its socket only between two runs, and a run may never end. */
const deathSignal = ["--pdeathsig", "KILL"];
/** A host computes, and needs no right that others have not. Files that set capabilities or a user give it none. */
const fewRights = ["--no-new-privs", "--inh-caps", "-all", "--ambient-caps", "-all"];
/** What a root keeps over an exec. Others may not give it up, and have nothing of it, either. */
const noRootRights = ["--bounding-set", "-all"];

/** What to ask of setpriv, the best first: systems refuse some of it, and old ones do not know all. */
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
      // The setpriv of busybox knows none of the options.
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
