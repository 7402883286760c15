import { type ChildProcess, spawn } from "node:child_process";
import { setPriority } from "node:os";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { CancelSignal } from "../../base/cancel-signal.ts";
import { entryUrl } from "../../base/entry-url.ts";
import { describeError, RuntimeError } from "../../base/errors.ts";
import { mebibytes } from "../../base/mebibytes.ts";
import type { EngineLog } from "../contract/engine-log.ts";
import { readLines } from "../hosts/read-lines.ts";
import { hostCommand } from "../hosts/spawn-command.ts";
import type { TranslatorAnswer, TranslatorCall } from "../translator/translator-messages.ts";

export interface TranslatorLimits {
  readonly timeoutMs: number;
  /** What it may take beyond `translatorBaseBytes`. */
  readonly memoryBytes: number;
}

export interface TranslatorProcessOptions {
  /** The whole environment, apart from what this adds. */
  readonly environment: Readonly<Record<string, string>>;
  readonly log: EngineLog;
  /** Default: this program's own entry. */
  readonly entry?: URL;
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

/** Runs one translator. When `signal` aborts, kills it and rejects with the signal's reason once it is gone.
 *  Otherwise rejects with RuntimeError: what the translator says about the file, "load-failed" if it died or took
 *  too long, "over-budget" if it needed more memory, "temporarily-unavailable" if the system did not start it. */
export async function runTranslatorProcess(
  call: TranslatorCall,
  limits: TranslatorLimits,
  options: TranslatorProcessOptions & { readonly signal: CancelSignal },
): Promise<Exclude<TranslatorAnswer, { tag: "failed" }>> {
  const { signal, log } = options;
  signal.throwIfAborted();
  const child = start(call, limits, options);
  let isLate = false;
  const kill = () => void child.kill("SIGKILL");
  const timer = setTimeout(() => {
    isLate = true;
    kill();
  }, limits.timeoutMs);
  signal.addEventListener("abort", kill, { once: true });
  let line = "";
  const errors: string[] = [];
  // A child that the system refused to start has no streams, whatever the types say.
  if (child.pid !== undefined) {
    (child.stdout as Readable).on("data", (chunk: Buffer) => {
      line += chunk.toString("latin1");
      if (line.length > maxAnswerLength) kill();
    });
    readLines(child.stderr as Readable, (text) => {
      if (errors.length < maxErrors) errors.push(text);
    });
  }
  const { code, endedBy } = await ended(child).finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", kill);
  });
  if (signal.aborted) throw signal.reason;
  const { file } = call;
  if (isLate) {
    const why = `was not translated within ${limits.timeoutMs} ms: raise TRANSLATION_TIMEOUT`;
    throw new RuntimeError("load-failed", `${file} ${why}`);
  }
  const answer = code === 0 ? readAnswer(Buffer.from(line, "latin1").toString("utf8")) : undefined;
  if (answer === undefined) {
    const how = endedBy === null ? `with code ${code}` : `by ${endedBy}`;
    for (const text of errors) log.warn({ file, line: text }, "translator wrote to stderr");
    throw errors.some((text) => outOfMemory.test(text))
      ? tooBig(file, limits)
      : new RuntimeError("load-failed", `${file}: its translator ended ${how}`);
  }
  if (answer.tag !== "failed") return answer;
  if (answer.kind === "over-budget") throw tooBig(file, limits);
  throw new RuntimeError(answer.kind, `${file} is not served: ${answer.message}`);
}

/** How V8 and Node say it. */
const outOfMemory = /out of memory|allocation failed|failed to reserve|bad_alloc|cannot allocate/i;

function tooBig(file: string, { memoryBytes }: TranslatorLimits): RuntimeError {
  const most = mebibytes(translatorBaseBytes + memoryBytes);
  return new RuntimeError(
    "over-budget",
    `${file} needs more than ${most} MiB to be translated: raise RUN_MEMORY_BYTES, or save a smaller model`,
  );
}

/** Our own entry of the program, whatever it is run from. */
const ownEntry = entryUrl(import.meta.url, "../translator/translator-main");

function start(
  call: TranslatorCall,
  { memoryBytes }: TranslatorLimits,
  { environment, log, entry = ownEntry }: TranslatorProcessOptions,
): ChildProcess {
  const heapMiB = Math.ceil((translatorBaseBytes + memoryBytes) / MiB);
  const program = [
    process.execPath,
    ...nodeFlags,
    `--max-old-space-size=${heapMiB}`,
    fileURLToPath(entry),
    JSON.stringify(call),
    String(memoryBytes),
  ];
  const { file, args } = hostCommand(program, log);
  try {
    const child = spawn(file, args, {
      env: { ...environment, MALLOC_ARENA_MAX: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    if (child.pid !== undefined) standBack(child.pid);
    return child;
  } catch (error) {
    throw notStarted(error);
  }
}

function ended(child: ChildProcess): Promise<{ code: number | null; endedBy: string | null }> {
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
