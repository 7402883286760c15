import { type ExecFileException, execFile } from "node:child_process";
import { resolve as resolvePath } from "node:path";

/** One case of a script, as test/clients/cases.py prints it. */
export interface CaseResult {
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** The traceback or the reason; else "". */
  readonly detail: string;
}

export interface ScriptRun {
  readonly cases: readonly CaseResult[];
  /** Exit status, or what ended the script. */
  readonly status: number | string;
  readonly stderr: string;
}

/** For hangs: a busy machine may take minutes to import what is large. */
const importTimeoutMs = 400_000;

/** Why `python` cannot import all of `modules`, in one line; undefined if it can. */
export async function missingFor(
  python: string,
  modules: readonly string[],
): Promise<string | undefined> {
  const { status, stderr } = await runPython(python, ["-c", `import ${modules.join(", ")}`], {
    timeoutMs: importTimeoutMs,
  });
  if (status === 0) return undefined;
  return `${python}: ${stderr.trim().split("\n").at(-1) || `ended with ${status}`}`;
}

/** Runs a script of this folder, or one with an absolute path, against the server at `address` ("host:port") and the
 *  `others`. */
export async function runScript(
  python: string,
  script: string,
  {
    address,
    others = [],
    timeoutMs,
  }: {
    readonly address: string;
    readonly others?: readonly string[];
    readonly timeoutMs: number;
  },
): Promise<ScriptRun> {
  const file = resolvePath(import.meta.dirname, script);
  const args = [file, address, ...others];
  const { status, stdout, stderr } = await runPython(python, args, { timeoutMs });
  // Libraries print too; only our lines are JSON objects.
  const lines = stdout.split("\n").filter((line) => line.startsWith("{"));
  return { cases: lines.map((line) => JSON.parse(line) as CaseResult), status, stderr };
}

interface Ended {
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Python to its end, or for `timeoutMs` at most. */
export function runPython(
  python: string,
  args: readonly string[],
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<Ended> {
  // -B: no __pycache__ in the tree.
  return new Promise((resolve) => {
    execFile(
      python,
      ["-B", ...args],
      { timeout: timeoutMs, killSignal: "SIGKILL", maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => resolve({ status: statusOf(error), stdout, stderr }),
    );
  });
}

function statusOf(error: ExecFileException | null): number | string {
  if (error === null) return 0;
  return error.code ?? error.signal ?? error.message;
}
