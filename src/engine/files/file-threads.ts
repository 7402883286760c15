import { Worker } from "node:worker_threads";
import { entryUrl } from "../../base/entry-url.ts";
import { describeError, RuntimeError } from "../../base/errors.ts";
import { endsWithProcess } from "../../base/process-exit.ts";
import type { ModelPlace } from "../contract/engine.ts";
import type { RunTable } from "../contract/run-table.ts";
import type { FileDigest, TranslatedFile } from "../translation/translation-files.ts";
import type { FileThreadAnswer, FileThreadCall, FileThreadSetup } from "./file-thread-messages.ts";
import type { FoundModel, InspectedFile, TabulatedFile } from "./model-files.ts";
import type { InspectedFiles } from "./model-inspector.ts";

/** The number of its own calls that Node allows to hang in a file system. */
const maxThreads = 4;
export interface FileThreadsOptions {
  /** A thread that takes this long for one call reads a huge model, or its disk does not answer: the next
   *  call goes to another thread. Default: 500. */
  readonly stuckMs?: number;
  /** How much lower the threads' priority is than the server's, as a `nice` value. Default: 0. */
  readonly niceness?: number;
  /** Default: this program's own entry. */
  readonly entry?: URL;
}

const unused = new RuntimeError("temporarily-unavailable", "this file thread was no longer needed");

const defaultEntry = entryUrl(import.meta.url, "./file-thread-main");

/** The threads that read model files: usually one, and more while that one is stuck. A thread reads all that
 *  is needed from a model in one sequence of blocking calls. With `node:fs/promises` each of some ten calls
 *  would wake a thread and be awaited, which takes eight times the CPU, and a big model's structure would be
 *  read on the server's event loop. */
export class FileThreads {
  readonly #threads = new Set<FileThread>();
  readonly #options: Required<FileThreadsOptions>;
  #closed: RuntimeError | undefined;

  constructor({ stuckMs = 500, niceness = 0, entry = defaultEntry }: FileThreadsOptions = {}) {
    this.#options = { stuckMs, niceness, entry };
    this.#start();
  }

  /** As `findModel` in model-files.ts. Rejects with "temporarily-unavailable" if the thread breaks. */
  async find(place: ModelPlace): Promise<FoundModel> {
    return await this.#pick().call<FoundModel>({ task: "find", place });
  }

  /** As `inspectFile` in model-files.ts. Rejects with "temporarily-unavailable" if the thread breaks. */
  async inspect({ format, file, dataFolder, choices }: InspectedFile): Promise<InspectedFiles> {
    const model = { format, file, ...(dataFolder && { dataFolder }), ...(choices && { choices }) };
    return await this.#pick().call<InspectedFiles>({ task: "inspect", model });
  }

  /** As `tabulateRuns` in model-files.ts. Rejects with "temporarily-unavailable" if the thread breaks. */
  async tabulate({
    format,
    file,
    identity,
    dataFolder,
    choices,
  }: TabulatedFile): Promise<RunTable | undefined> {
    const others = { ...(dataFolder && { dataFolder }), ...(choices && { choices }) };
    const model = { format, file, identity, ...others };
    return await this.#pick().call<RunTable | undefined>({ task: "tabulate", model });
  }

  /** As `digestFile` in translation-files.ts. Rejects with "temporarily-unavailable" if the thread breaks. */
  async digest(file: string): Promise<FileDigest> {
    return await this.#pick().call<FileDigest>({ task: "digest", file });
  }

  /** As `checkTranslated` in translation-files.ts. Rejects with "temporarily-unavailable" if the thread breaks. */
  async checkTranslated(file: string, key: string): Promise<TranslatedFile | undefined> {
    return await this.#pick().call<TranslatedFile | undefined>({
      task: "check-translated",
      file,
      key,
    });
  }

  /** Rejects the calls in progress with `reason`, and all later ones. */
  close(reason: RuntimeError): void {
    this.#closed = reason;
    for (const thread of this.#threads) thread.close(reason);
  }

  #pick(): FileThread {
    if (this.#closed !== undefined) throw this.#closed;
    const threads = [...this.#threads];
    const free = threads.find((thread) => thread.busyMs <= this.#options.stuckMs);
    if (free !== undefined) {
      // The disk answers again: one thread is enough.
      for (const other of threads) if (other !== free && other.callCount === 0) other.close(unused);
      return free;
    }
    const shortest = threads.sort((a, b) => a.callCount - b.callCount)[0];
    return shortest === undefined || threads.length < maxThreads ? this.#start() : shortest;
  }

  #start(): FileThread {
    const thread = new FileThread(this.#options, () => this.#threads.delete(thread));
    this.#threads.add(thread);
    return thread;
  }
}

type Call = FileThreadCall extends infer Each
  ? Each extends FileThreadCall
    ? Omit<Each, "number">
    : never
  : never;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

class FileThread {
  readonly #worker: Worker;
  readonly #onGone: () => void;
  /** By number, oldest first: the oldest is the one in progress. */
  readonly #waiting = new Map<number, Waiting>();
  #lastNumber = 0;
  /** When the current call began. */
  #sinceMs = 0;
  #end: RuntimeError | undefined;

  constructor({ entry, niceness }: Required<FileThreadsOptions>, onGone: () => void) {
    this.#onGone = onGone;
    const workerData: FileThreadSetup = { niceness };
    this.#worker = new Worker(entry, {
      workerData,
      execArgv: ["--disable-warning=ExperimentalWarning"],
      resourceLimits: { maxYoungGenerationSizeMb: 2 },
    });
    // The port, not the thread, keeps the server alive.
    this.#worker.unref();
    endsWithProcess(this.#worker);
    this.#worker.on("message", (answer: FileThreadAnswer) => this.#settle(answer));
    this.#worker.on("error", (error) => this.#lose(error));
    this.#worker.on("exit", () => this.#lose(new Error("it ended")));
  }

  get callCount(): number {
    return this.#waiting.size;
  }

  /** How long the current call has taken; 0 if there is none. */
  get busyMs(): number {
    return this.#waiting.size === 0 ? 0 : performance.now() - this.#sinceMs;
  }

  call<Result>(call: Call): Promise<Result> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    return new Promise<Result>((resolve, reject) => {
      const number = ++this.#lastNumber;
      if (this.#waiting.size === 0) this.#sinceMs = performance.now();
      this.#waiting.set(number, { resolve: resolve as Waiting["resolve"], reject });
      this.#worker.postMessage({ ...call, number });
    });
  }

  close(reason: RuntimeError): void {
    this.#rejectAll(reason);
    this.#onGone();
    // Not awaited: a thread that hangs in a disk ends when the disk answers.
    void this.#worker.terminate();
  }

  #settle(answer: FileThreadAnswer): void {
    const waiting = this.#waiting.get(answer.number);
    this.#waiting.delete(answer.number);
    this.#sinceMs = performance.now();
    if ("result" in answer) waiting?.resolve(answer.result);
    else {
      const { kind, message } = answer.failure;
      waiting?.reject(kind === undefined ? new Error(message) : new RuntimeError(kind, message));
    }
  }

  #lose(error: unknown): void {
    this.#onGone();
    const why = `the thread that reads model files broke: ${describeError(error)}`;
    this.#rejectAll(new RuntimeError("temporarily-unavailable", why));
  }

  #rejectAll(reason: RuntimeError): void {
    this.#end ??= reason;
    for (const { reject } of this.#waiting.values()) reject(this.#end);
    this.#waiting.clear();
  }
}
