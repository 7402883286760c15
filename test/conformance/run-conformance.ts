import { type ExecFileException, execFile } from "node:child_process";
import { join } from "node:path";
import type { ServerOptions } from "../../src/rpc/server-options.ts";
import { projectRoot } from "../support/servers/served.ts";

export interface ConformanceRun {
  /** Path of the runner. */
  readonly runner: string;
  /** How the servers under test differ from the usual ones. */
  readonly options: Partial<ServerOptions>;
  /** File in this folder that says what the port can do. */
  readonly features: string;
  /** Selects cases by their names; all if empty. */
  readonly patterns: readonly string[];
  readonly timeoutMs: number;
}

export interface ConformanceResult {
  /** Whether the runner is content, or what it died of. */
  readonly end: "content" | string;
  readonly passed: number;
  /** Failed, or could not be run. */
  readonly failed: number;
  /** All that it printed: the failed cases, each with its reasons, and totals. */
  readonly report: string;
}

// The runner gives a server 10 s to start, which many that start at once may not make on a busy machine.
const serversAtOnce = 2;

/** Runs the conformance suite against servers that it starts itself, one for each combination of
 *  protocol, HTTP version and limits. */
export async function runConformance(run: ConformanceRun): Promise<ConformanceResult> {
  const folder = import.meta.dirname;
  const args = [
    ...["--mode", "server", "--conf", join(folder, run.features)],
    ...["--max-servers", String(serversAtOnce)],
    ...run.patterns.flatMap((pattern) => ["--run", pattern]),
    ...["--", process.execPath, join(folder, "conformance-server.ts")],
    JSON.stringify(run.options),
  ];
  const [error, report] = await new Promise<[ExecFileException | null, string]>((resolve) => {
    const options = {
      timeout: run.timeoutMs,
      maxBuffer: 256 * 1024 * 1024,
      // Every server imports the same files.
      env: {
        ...process.env,
        NODE_COMPILE_CACHE: join(projectRoot, "node_modules/.cache/modelport"),
      },
    };
    execFile(run.runner, args, options, (reason, stdout, stderr) => {
      resolve([reason, stdout + stderr]);
    });
  });
  const [, passed, failed] = /^(\d+) passed, (\d+) failed$/m.exec(report) ?? [];
  // The runner is content even if some cases could not be run at all.
  const [, notRun] = /^Another (\d+) could not be run/m.exec(report) ?? [];
  return {
    end: error === null ? "content" : `${error.code ?? error.signal ?? error.message}`,
    passed: Number(passed ?? 0),
    failed: Number(failed ?? 0) + Number(notRun ?? 0),
    report,
  };
}
