import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { projectRoot } from "../servers/served.ts";

export interface CliResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  /** Beside that of this process, less what the commands themselves look at. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** Ends the command by SIGINT, as Ctrl-C does. */
  readonly signal?: AbortSignal;
}

/** Runs `modelport` with these arguments as users do, in a process of its own. */
export async function runCli(
  args: readonly string[],
  { env = {}, stdin = "", signal }: CliOptions = {},
): Promise<CliResult> {
  const outer = Object.entries(process.env).filter(([name]) => !name.startsWith("MODELPORT_"));
  const child = spawn(process.execPath, ["src/modelport.js", ...args], {
    cwd: projectRoot,
    env: { ...Object.fromEntries(outer), ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  // A command that reads nothing ends before all is written.
  child.stdin.on("error", () => {});
  child.stdin.end(stdin);
  signal?.addEventListener("abort", () => child.kill("SIGINT"));
  const [stdout, stderr, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve)),
  ]);
  return { status, stdout, stderr };
}
