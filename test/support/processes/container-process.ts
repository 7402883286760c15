import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname } from "node:path";

export interface ContainerProcessOptions {
  /** The working directory of the image. */
  readonly folder: string;
  /** All of it, but for where programs are. */
  readonly environment: Readonly<Record<string, string>>;
  /** Of its user and group; undefined: ours, where we may not choose. */
  readonly userId: number | undefined;
}

/** A process as a container runs it: in the image's folder, by its user, with no environment but its own. */
export class ContainerProcess {
  readonly pid: number;
  /** Resolves with its exit code, or the signal that killed it. */
  readonly exited: Promise<number | NodeJS.Signals | null>;
  readonly #child: ChildProcess;
  #output = "";

  constructor(command: readonly string[], options: ContainerProcessOptions) {
    const [program = "", ...args] = command;
    const { folder, environment, userId } = options;
    this.#child = spawn(program === "node" ? process.execPath : program, args, {
      cwd: folder,
      env: { ...environment, PATH: `${dirname(process.execPath)}:${process.env["PATH"]}` },
      stdio: ["ignore", "pipe", "pipe"],
      ...(userId === undefined ? {} : { uid: userId, gid: userId }),
    });
    this.pid = this.#child.pid ?? 0;
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
      });
    }
    this.exited = once(this.#child, "close").then(
      () => this.#child.exitCode ?? this.#child.signalCode,
    );
  }

  /** What it has printed so far. */
  get output(): string {
    return this.#output;
  }

  stop(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
    this.#child.kill(signal);
    return this.exited;
  }
}
