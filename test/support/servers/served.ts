import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The program as users start it: a process of its own. */
export interface Served {
  readonly pid: number;
  readonly port: number;
  /** What it has printed to stdout so far. */
  readonly output: () => string;
  /** What it has printed to stderr so far. */
  readonly complaints: () => string;
  /** Resolves with its exit code, or the signal that killed it, once it has ended. */
  readonly exited: Promise<number | NodeJS.Signals | null>;
  /** Ends it by `signal` and resolves with its exit code, or the signal that killed it. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

export const projectRoot: string = fileURLToPath(new URL("../../..", import.meta.url));

export interface ServedOptions {
  /** A program and its arguments that becomes the given one by exec, such as prlimit or setpriv. */
  readonly wrapper?: readonly string[];
  readonly nodeFlags?: readonly string[];
  /** Beside the environment of the tests. */
  readonly env?: Readonly<Record<string, string>>;
  /** Sees every line of the program's log. */
  readonly logged?: (line: Record<string, unknown>) => void;
  /** Whether `complaints` has the lines of the log; default: true. */
  readonly keepsLog?: boolean;
}

/** Starts `modelport serve` with these flags on a free port, and resolves when it listens. */
export async function startServed(
  flags: readonly string[],
  {
    wrapper = [],
    nodeFlags = [],
    env = {},
    logged = () => {},
    keepsLog = true,
  }: ServedOptions = {},
): Promise<Served> {
  const program = [process.execPath, ...nodeFlags, "src/modelport.js", "serve", "--port", "0"];
  const [file = process.execPath, ...args] = [...wrapper, ...program, ...flags];
  const child = spawn(file, args, {
    cwd: projectRoot,
    // As the image and `npm run serve` start it.
    env: { ...process.env, ...env, MALLOC_TRIM_THRESHOLD_: "131072" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const complaints: string[] = [];
  const exited = once(child, "close").then(() => child.exitCode ?? child.signalCode);
  const port = await listeningPort(child, complaints, (line, text) => {
    if (keepsLog) complaints.push(text);
    logged(line);
  });
  return {
    pid: child.pid ?? 0,
    port,
    output: () => output,
    complaints: () => complaints.join("\n"),
    exited,
    stop(signal = "SIGTERM") {
      child.kill(signal);
      return exited;
    },
  };
}

function listeningPort(
  child: ChildProcess,
  complaints: string[],
  logged: (line: Record<string, unknown>, text: string) => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    if (child.stderr === null) throw new Error("stderr is a pipe");
    createInterface({ input: child.stderr }).on("line", (text) => {
      if (!text.startsWith("{")) {
        complaints.push(text);
        return;
      }
      const line = JSON.parse(text) as Record<string, unknown>;
      logged(line, text);
      if (line["msg"] === "server listening") resolve(line["port"] as number);
    });
    child.once("close", (code) => {
      reject(
        new Error(`modelport ended with ${code} before it listened: ${complaints.join("\n")}`),
      );
    });
  });
}
