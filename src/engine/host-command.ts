import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import type { EngineLog } from "./engine-log.ts";

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
  wrapper ??= findDeathSignal(log);
  const [file, ...args] = [...wrapper, ...program];
  if (file === undefined) throw new Error("a program has a name");
  return { file, args };
}

/** Makes the kernel kill a host when the thread that started it ends, however that comes to pass. A host
 *  notices the end of its socket only between two runs, and a run may never end. */
function findDeathSignal(log: EngineLog): readonly string[] {
  for (const setpriv of setprivPaths.filter((path) => existsSync(path))) {
    const options = ["--pdeathsig", "KILL"];
    const trial = [...options, setpriv, "--version"];
    // The setpriv of busybox does not know the option.
    const { status } = spawnSync(setpriv, trial, { stdio: "ignore", timeout: 5_000 });
    if (status === 0) return [setpriv, ...options];
  }
  log.warn(
    { program: "setpriv", package: "util-linux" },
    "program not found: a run that never ends outlives a server that is killed",
  );
  return [];
}
