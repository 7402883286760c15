import { rm } from "node:fs/promises";
import type { CancelSignal } from "../../base/cancel-signal.ts";
import { RuntimeError } from "../../base/errors.ts";
import { mebibytes } from "../../base/mebibytes.ts";
import type { TranslatorAnswer, TranslatorCall } from "../translator/translator-messages.ts";
import type { TranslationMemory } from "./translation-memory.ts";
import {
  type Ending,
  TranslatorChild,
  type TranslatorProcessOptions,
  translatorBaseBytes,
} from "./translator-child.ts";

export interface TranslatorsOptions extends TranslatorProcessOptions {
  readonly memory: TranslationMemory;
}

export interface TranslatorJob {
  readonly format: string;
  readonly call: TranslatorCall;
}

export interface TranslatorLimits {
  readonly timeoutMs: number;
  /** What the process may take beyond `translatorBaseBytes`. */
  readonly memoryBytes: number;
  /** Of what it takes, so much is reserved already. */
  readonly reservedBytes: number;
}

/** A process that may translate another file, and what gives back the memory that it holds. */
interface Warm {
  readonly child: TranslatorChild;
  readonly giveBack: () => void;
  readonly timer: NodeJS.Timeout;
}

type Answer = Exclude<TranslatorAnswer, { tag: "failed" }>;
type Outcome = Awaited<ReturnType<TranslatorChild["call"]>>;

/** A process translates so many files, for so long, and while it holds no more than this. */
const mostCalls = 32;
const mostAgeMs = 10_000;
const mostHeldBytes = 80 * 1024 * 1024;
/** How long it waits for the next file. */
const idleMs = 250;

/** Runs translator processes. One that has translated a file without trouble translates the next ones as well, for a
 *  short while: most of the cost of a small file is the start of its process. Whatever goes wrong ends the process, and
 *  if it had translated other files before, a fresh one decides about this file. */
export class Translators {
  readonly #options: TranslatorsOptions;
  /** The last one is the one that was used last. There are never more processes than calls at once. */
  readonly #warm: Warm[] = [];

  constructor(options: TranslatorsOptions) {
    this.#options = options;
  }

  /** Does one call. When `signal` aborts, kills the process and rejects with the signal's reason once it is gone.
   *  Otherwise rejects with RuntimeError: what the translator says about the file, "load-failed" if it died or took
   *  too long, "over-budget" if it needed more memory, "temporarily-unavailable" if the system did not start it. */
  async run(job: TranslatorJob, limits: TranslatorLimits, signal: CancelSignal): Promise<Answer> {
    signal.throwIfAborted();
    const { format, call } = job;
    const { memory } = this.#options;
    const { memoryBytes, reservedBytes } = limits;
    const ownBytes = Math.max(0, translatorBaseBytes + memoryBytes - reservedBytes);
    const takenBytes = Math.min(memory.totalBytes, ownBytes);
    const warm = this.#takeWarm(format, memoryBytes);
    let giveBack = memory.takeNow(takenBytes);
    const isUsable = warm !== undefined && fits(warm, format, memoryBytes);
    if (isUsable && giveBack !== undefined) warm.giveBack();
    else if (warm !== undefined) await end(warm);
    giveBack ??= await memory.take(takenBytes, signal);
    let child: TranslatorChild | undefined;
    try {
      const used = warm?.child.isOver === false ? warm.child : undefined;
      child = used ?? new TranslatorChild({ format, memoryBytes }, this.#options);
      let outcome = await translate(child, call, { limits, signal });
      if (used !== undefined && !isDone(outcome)) {
        await used.kill();
        // It may have begun to write.
        await rm(call.output, { force: true });
        child = new TranslatorChild({ format, memoryBytes }, this.#options);
        outcome = await translate(child, call, { limits, signal });
      }
      if (isDone(outcome)) return outcome;
      await child.kill();
      throw this.#refusal(outcome, child, { file: call.file, memoryBytes });
    } finally {
      await this.#put(child, giveBack);
    }
  }

  /** Ends what waits for files. Calls in progress end with their signals. */
  async close(): Promise<void> {
    await Promise.all(this.#warm.splice(0).map(end));
  }

  /** One that fits, or else any: it makes room for another. */
  #takeWarm(format: string, memoryBytes: number): Warm | undefined {
    const fitting = this.#warm.findLastIndex((warm) => fits(warm, format, memoryBytes));
    const [warm] = this.#warm.splice(fitting, 1);
    clearTimeout(warm?.timer);
    return warm;
  }

  /** Ends the process unless it may wait for another file, and gives its memory back. */
  async #put(child: TranslatorChild | undefined, giveBack: () => void): Promise<void> {
    const heldBytes = child?.residentBytes ?? Number.POSITIVE_INFINITY;
    const isSound =
      child?.isOver === false &&
      child.callCount < mostCalls &&
      performance.now() - child.startMs < mostAgeMs &&
      heldBytes <= mostHeldBytes;
    if (!isSound) {
      await child?.kill();
      giveBack();
      return;
    }
    giveBack();
    const held = this.#options.memory.takeNow(heldBytes);
    if (held === undefined) {
      await child.kill();
      return;
    }
    const timer = setTimeout(() => {
      this.#warm.splice(this.#warm.indexOf(warm), 1);
      void end(warm);
    }, idleMs);
    timer.unref();
    const warm: Warm = { child, giveBack: held, timer };
    this.#warm.push(warm);
  }

  #refusal(
    outcome: Exclude<Outcome, Answer>,
    { errors }: TranslatorChild,
    { file, memoryBytes }: { readonly file: string; readonly memoryBytes: number },
  ): RuntimeError {
    if (typeof outcome === "object" && "tag" in outcome) {
      if (outcome.kind === "over-budget") return tooBig(file, memoryBytes);
      return new RuntimeError(outcome.kind, `${file} is not served: ${outcome.message}`);
    }
    for (const line of errors) {
      this.#options.log.warn({ file, line }, "translator wrote to stderr");
    }
    if (errors.some((text) => outOfMemory.test(text))) return tooBig(file, memoryBytes);
    const how = outcome === "unknown" ? "with an answer that none gives" : describeEnding(outcome);
    return new RuntimeError("load-failed", `${file}: its translator ended ${how}`);
  }
}

/** Whether it is of this format, and could not take more than its file may. */
function fits({ child }: Warm, format: string, memoryBytes: number): boolean {
  return child.format === format && child.memoryBytes <= memoryBytes;
}

/** Ends the process unless it has translated the file. Rejects with the signal's reason, with "load-failed" if it takes
 *  too long, and with "temporarily-unavailable". */
async function translate(
  child: TranslatorChild,
  call: TranslatorCall,
  { limits, signal }: { readonly limits: TranslatorLimits; readonly signal: CancelSignal },
): Promise<Outcome> {
  const { timeoutMs } = limits;
  let isLate = false;
  const kill = () => void child.kill();
  const timer = setTimeout(() => {
    isLate = true;
    kill();
  }, timeoutMs);
  signal.addEventListener("abort", kill, { once: true });
  try {
    signal.throwIfAborted();
    const outcome = await child.call(call);
    if (signal.aborted) throw signal.reason;
    if (isLate) {
      const why = `was not translated within ${timeoutMs} ms: raise TRANSLATION_TIMEOUT`;
      throw new RuntimeError("load-failed", `${call.file} ${why}`);
    }
    if (!isTranslated(outcome)) kill();
    return outcome;
  } catch (error) {
    kill();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", kill);
  }
}

function isDone(outcome: Outcome): outcome is Answer {
  return typeof outcome === "object" && "tag" in outcome && outcome.tag !== "failed";
}

function isTranslated(outcome: Outcome): boolean {
  return isDone(outcome) && outcome.tag === "translated";
}

function describeEnding({ code, endedBy }: Ending): string {
  return endedBy === null ? `with code ${code}` : `by ${endedBy}`;
}

async function end({ child, giveBack, timer }: Warm): Promise<void> {
  clearTimeout(timer);
  await child.kill();
  giveBack();
}

/** How V8 and Node say it. */
const outOfMemory = /out of memory|allocation failed|failed to reserve|bad_alloc|cannot allocate/i;

function tooBig(file: string, memoryBytes: number): RuntimeError {
  const most = mebibytes(translatorBaseBytes + memoryBytes);
  return new RuntimeError(
    "over-budget",
    `${file} needs more than ${most} MiB to be translated: raise RUN_MEMORY_BYTES, or save a smaller model`,
  );
}
