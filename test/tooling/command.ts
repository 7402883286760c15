import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { stripVTControlCharacters } from "node:util";

export interface CommandResult {
  readonly status: number | null;
  /** Both outputs come without colours. */
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of node_modules/.bin with this Node. `root`: where node_modules is. */
export async function runTool(
  root: string,
  command: readonly [string, ...string[]],
  cwd = root,
): Promise<CommandResult> {
  const bin = join(root, "node_modules/.bin");
  // Scripts among the tools look up "node" themselves; buf looks up its plugin.
  const path = [dirname(process.execPath), bin, process.env["PATH"]].join(":");
  const child = spawn(join(bin, command[0]), command.slice(1), {
    cwd,
    env: { ...process.env, PATH: path },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve)),
  ]);
  return {
    status,
    stdout: stripVTControlCharacters(stdout),
    stderr: stripVTControlCharacters(stderr),
  };
}
