import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { bindTo } from "./cores.ts";

export interface ProgramOptions {
  readonly command: readonly [string, ...string[]];
  readonly cores: string | undefined;
}

export interface ServerOptions extends ProgramOptions {
  /** Finds the port in the line that announces it, on either output; by default in a line of JSON. */
  readonly announcement?: RegExp;
  /** For one that takes longer than usual to start. */
  readonly startLimitMs?: number;
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
const usualStartLimitMs = 60_000;

/** A script of ours, by its path from the root of the project, in the Node that runs the bench. */
export function nodeCommand(
  script: string,
  args: readonly string[] = [],
  nodeFlags: readonly string[] = [],
): [string, ...string[]] {
  return [process.execPath, ...nodeFlags, script, ...args];
}

/** Starts a server; resolves when it has announced where it listens. */
export async function startProgram({
  announcement = /^\{.*"port":(\d+)/,
  startLimitMs = usualStartLimitMs,
  ...options
}: ServerOptions): Promise<Program> {
  const child = spawnBound(options);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  try {
    const port = await announcedPort(child, announcement, startLimitMs);
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
  const child = spawnBound(options);
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [output, complaints, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    ended,
  ]);
  if (code !== 0) {
    const [reason = complaints] = /^.*Error.*$/m.exec(complaints) ?? [];
    throw new Error(`${options.command[1]} ended with ${code}: ${reason}`);
  }
  return JSON.parse(output);
}

function spawnBound({ command, cores }: ProgramOptions) {
  const [program = "", ...args] = bindTo(cores, command);
  return spawn(program, args, {
    cwd: projectRoot,
    // As in Modelport's own hosts: ONNX Runtime's telemetry takes as long for a tiny model as loading it.
    // biome-ignore lint/style/noProcessEnv: programs find theirs as if a shell had started them.
    env: { ...process.env, ORT_DISABLE_TELEMETRY: "1" },
    stdio: ["pipe", "pipe", "pipe"],
  });
}

function announcedPort(
  child: ChildProcess,
  announcement: RegExp,
  startLimitMs: number,
): Promise<number> {
  const complaints: string[] = [];
  return new Promise((resolve, reject) => {
    const fail = (how: string) => {
      reject(
        new Error(
          `${child.spawnargs.join(" ")} ${how} before it listened: ${complaints.join("\n")}`,
        ),
      );
    };
    const timer = setTimeout(() => fail("took too long"), startLimitMs);
    for (const output of [child.stdout, child.stderr]) {
      if (output === null) throw new Error("both outputs are pipes");
      const lines = createInterface({ input: output });
      lines.on("line", (line) => {
        const port = announcement.exec(line)?.[1];
        if (port !== undefined) {
          clearTimeout(timer);
          resolve(Number(port));
          // Read to the end, or a server that logs much would block; splitting it into lines would take CPU
          // time from the client in this process.
          lines.close();
          output.resume();
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
