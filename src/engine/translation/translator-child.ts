import { type ChildProcess, spawn } from "node:child_process";
import { setPriority } from "node:os";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { entryUrl } from "../../base/entry-url.ts";
import { describeError, RuntimeError } from "../../base/errors.ts";
import type { EngineLog } from "../contract/engine-log.ts";
import { readLines } from "../hosts/read-lines.ts";
import { hostCommand } from "../hosts/spawn-command.ts";
import { ResidentMemory } from "../process/resident-memory.ts";
import type { TranslatorAnswer, TranslatorCall } from "../translator/translator-messages.ts";

export interface TranslatorProcessOptions {
  /** The whole environment, apart from what this adds. */
  readonly environment: Readonly<Record<string, string>>;
  readonly log: EngineLog;
  /** Default: this program's own entry. */
  readonly entry?: URL;
}

/** How a process has ended. */
export interface Ending {
  readonly code: number | null;
  readonly endedBy: string | null;
}

const MiB = 1024 * 1024;
/** Private memory of a translator that has read nothing yet, and room for its code. Measured: 12 MiB. */
export const translatorBaseBytes = 24 * MiB;
/** Models and the server come first. */
const niceness = 10;
/** An answer is one short line. */
const maxAnswerLength = 64 * 1024;
/** Lines that are kept of what it writes to stderr. */
const maxErrors = 20;

/** As in hosts: threads of V8 would only add memory. */
const nodeFlags = [
  "--max-semi-space-size=16",
  "--v8-pool-size=1",
  "--single-threaded",
  "--disable-warning=ExperimentalWarning",
];

/** Our own entry of the program, whatever it is run from. */
const ownEntry = entryUrl(import.meta.url, "../translator/translator-main");

/** A translator process, for files of one format. It does one call after another, and is not trusted: it has read what others wrote. */
export class TranslatorChild {
  readonly format: string;
  /** What it may take beyond `translatorBaseBytes`. */
  readonly memoryBytes: number;
  readonly startMs: number = performance.now();
  /** What it has written to stderr, if anything. */
  readonly errors: string[] = [];
  /** Rejects with "temporarily-unavailable" if the system did not start it. */
  readonly ended: Promise<Ending>;
  /** Calls so far. */
  callCount = 0;
  /** Whether it has ended, or is about to. */
  isOver = false;
  readonly #child: ChildProcess;
  readonly #memory: ResidentMemory | undefined;
  #line = "";
  #onLine: ((line: string) => void) | undefined;

  /** Throws "temporarily-unavailable" if the system does not start it. */
  constructor(
    { format, memoryBytes }: Pick<TranslatorChild, "format" | "memoryBytes">,
    { environment, log, entry = ownEntry }: TranslatorProcessOptions,
  ) {
    this.format = format;
    this.memoryBytes = memoryBytes;
    const heapMiB = Math.ceil((translatorBaseBytes + memoryBytes) / MiB);
    const program = [
      process.execPath,
      ...nodeFlags,
      `--max-old-space-size=${heapMiB}`,
      fileURLToPath(entry),
      format,
      String(memoryBytes),
    ];
    const { file, args } = hostCommand(program, log);
    try {
      this.#child = spawn(file, args, {
        env: { ...environment, MALLOC_ARENA_MAX: "1" },
        stdio: ["pipe", "pipe", "pipe"],
      });
    } catch (error) {
      throw notStarted(error);
    }
    this.ended = endOf(this.#child);
    this.ended.catch(() => {});
    const { pid } = this.#child;
    // A child that the system refused to start has no streams, whatever the types say.
    if (pid === undefined) return;
    standBack(pid);
    this.#memory = new ResidentMemory(pid);
    const { stdin, stdout, stderr } = this.#child as { readonly stdin: Writable } & Record<
      "stdout" | "stderr",
      Readable
    >;
    // It may end at any time: how it ended says more.
    stdin.on("error", () => {});
    stdout.on("data", (chunk: Buffer) => this.#take(chunk.toString("latin1")));
    readLines(stderr, (text) => {
      if (this.errors.length < maxErrors) this.errors.push(text);
    });
    void this.ended.then(() => {
      this.isOver = true;
      this.#memory?.close();
    });
  }

  /** What it holds, as the system counts it. Undefined where that is unknown. */
  get residentBytes(): number | undefined {
    return this.#memory?.read()?.anonymousBytes;
  }

  /** Its answer, or how it ended before it had answered; "unknown" for anything that no translator answers. Rejects as
   *  `ended`. Each call must be over before the next. */
  async call(call: TranslatorCall): Promise<TranslatorAnswer | Ending | "unknown"> {
    this.callCount++;
    const answered = new Promise<string>((resolve) => {
      this.#onLine = resolve;
    });
    this.#child.stdin?.write(`${JSON.stringify(call)}\n`);
    const first = await Promise.race([answered, this.ended]);
    this.#onLine = undefined;
    if (typeof first !== "string") return first;
    return readAnswer(Buffer.from(first, "latin1").toString("utf8")) ?? "unknown";
  }

  /** Resolves when it is gone. */
  async kill(): Promise<void> {
    this.isOver = true;
    this.#child.kill("SIGKILL");
    await this.ended.catch(() => {});
  }

  /** What comes without having been asked for is dropped with the process. */
  #take(text: string): void {
    this.#line += text;
    if (this.#line.length > maxAnswerLength || this.#onLine === undefined) void this.kill();
    const end = this.#line.indexOf("\n");
    if (end < 0) return;
    const line = this.#line.slice(0, end);
    this.#line = this.#line.slice(end + 1);
    if (this.#line !== "") void this.kill();
    this.#onLine?.(line);
  }
}

function endOf(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => {
      if (child.pid === undefined) reject(notStarted(error));
    });
    // Not "exit": what it has printed must have arrived.
    child.once("close", (code, endedBy) => resolve({ code, endedBy }));
  });
}

function notStarted(error: unknown): RuntimeError {
  const message = `the system did not start a translator: ${describeError(error)}`;
  return new RuntimeError("temporarily-unavailable", message, { cause: error });
}

const kinds: ReadonlySet<unknown> = new Set([
  "invalid-argument",
  "failed-precondition",
  "over-budget",
  "load-failed",
  "temporarily-unavailable",
]);

/** Undefined for anything that a translator does not write. */
function readAnswer(line: string): TranslatorAnswer | undefined {
  try {
    const answer = JSON.parse(line) as TranslatorAnswer;
    switch (answer.tag) {
      case "translated":
        return Number.isSafeInteger(answer.sizeBytes) ? answer : undefined;
      case "not-written":
        return typeof answer.code === "string" ? answer : undefined;
      case "failed":
        return kinds.has(answer.kind) && typeof answer.message === "string" ? answer : undefined;
      default:
        return undefined;
    }
  } catch {
    return undefined;
  }
}

function standBack(pid: number): void {
  try {
    setPriority(pid, niceness);
  } catch {
    // It runs at normal priority, or is already gone.
  }
}
