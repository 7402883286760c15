import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { bindTo } from "./cores.ts";

export interface ProgramOptions {
  /** Relative to the root of the project. */
  readonly script: string;
  readonly args?: readonly string[];
  readonly nodeFlags?: readonly string[];
  readonly cores: string | undefined;
}

/** A server in a process of its own. */
export interface Program {
  readonly pid: number;
  readonly port: number;
  /** Resolves when the process has ended. */
  stop(): Promise<void>;
}

const projectRoot = fileURLToPath(new URL("../", import.meta.url));

/** Long enough for a server that has a machine's load against it. */
const startLimitMs = 60_000;

/** Starts a server, which says where it listens in a line of JSON with a "port", on stdout or in its
 *  log on stderr. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const child = spawnNode(options);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  try {
    const port = await announcedPort(child, options.script);
    return {
      pid: child.pid ?? 0,
      port,
      stop() {
        child.kill("SIGTERM");
        return ended;
      },
    };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

/** Runs a program to its end and resolves with the JSON that it prints. */
export async function runProgram(options: ProgramOptions): Promise<unknown> {
  const child = spawnNode(options);
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [output, complaints, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    ended,
  ]);
  if (code !== 0) throw new Error(`${options.script} ended with ${code}: ${complaints}`);
  return JSON.parse(output);
}

function spawnNode({ script, args = [], nodeFlags = [], cores }: ProgramOptions) {
  const [command = "", ...rest] = bindTo(cores, [process.execPath, ...nodeFlags, script, ...args]);
  return spawn(command, rest, { cwd: projectRoot, stdio: ["pipe", "pipe", "pipe"] });
}

function announcedPort(child: ChildProcess, what: string): Promise<number> {
  const complaints: string[] = [];
  return new Promise((resolve, reject) => {
    const fail = (how: string) => {
      reject(new Error(`${what} ${how} before it listened: ${complaints.join("\n")}`));
    };
    const timer = setTimeout(() => fail("took too long"), startLimitMs);
    for (const output of [child.stdout, child.stderr]) {
      if (output === null) throw new Error("both outputs are pipes");
      // Read to the end, or a server that logs much would wait for us.
      createInterface({ input: output }).on("line", (line) => {
        const port = /^\{.*"port":(\d+)/.exec(line)?.[1];
        if (port !== undefined) {
          clearTimeout(timer);
          resolve(Number(port));
        } else if (complaints.length < 100) complaints.push(line);
      });
    }
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      fail(`ended with ${code}`);
    });
  });
}
