import { Worker } from "node:worker_threads";
import { entryUrl } from "../../base/entry-url.ts";
import { describeError, RuntimeError } from "../../base/errors.ts";
import { endsWithProcess } from "../../base/process-exit.ts";
import type { PollThreadAnswer, PollThreadSetup } from "./poll-thread-messages.ts";
import type { RepositoryScan } from "./scan-repository.ts";

const defaultEntry = entryUrl(import.meta.url, "./poll-thread-main");

/** Looks at a repository from a thread of its own. A network disk that does not answer holds up that thread and
 *  nothing else: calls of `node:fs/promises` would take the few threads that all files of the program share. */
export class RepositoryScanner {
  readonly #directory: string;
  readonly #entry: URL;
  #worker: Worker | undefined;
  #running: PromiseWithResolvers<RepositoryScan> | undefined;
  #isClosed = false;

  /** `directory`: absolute. */
  constructor(directory: string, entry: URL = defaultEntry) {
    this.#directory = directory;
    this.#entry = entry;
  }

  /** One look; a look that is under way is joined. Rejects as `scanRepository` throws, and with
   *  "temporarily-unavailable" if the thread breaks; the next call has another one. */
  scan(): Promise<RepositoryScan> {
    if (this.#isClosed) return Promise.reject(new RuntimeError("shutting-down", "polling is over"));
    if (this.#running !== undefined) return this.#running.promise;
    const running = Promise.withResolvers<RepositoryScan>();
    this.#running = running;
    this.#worker ??= this.#start();
    this.#worker.postMessage("look");
    return running.promise;
  }

  /** A look that is under way rejects. */
  close(): void {
    this.#isClosed = true;
    this.#end(new RuntimeError("shutting-down", "polling is over"));
  }

  #start(): Worker {
    const workerData: PollThreadSetup = { directory: this.#directory };
    const worker = new Worker(this.#entry, {
      workerData,
      execArgv: ["--disable-warning=ExperimentalWarning"],
      resourceLimits: { maxYoungGenerationSizeMb: 1 },
    });
    worker.unref();
    endsWithProcess(worker);
    worker.on("message", (answer: PollThreadAnswer) => this.#settle(answer));
    const lose = (error: unknown) => {
      if (this.#worker !== worker) return;
      const why = `the thread that looks at the repository broke: ${describeError(error)}`;
      this.#end(new RuntimeError("temporarily-unavailable", why));
    };
    worker.on("error", lose);
    worker.on("exit", () => lose(new Error("it ended")));
    return worker;
  }

  #settle(answer: PollThreadAnswer): void {
    const running = this.#running;
    this.#running = undefined;
    if ("scan" in answer) running?.resolve(answer.scan);
    else running?.reject(new RuntimeError(answer.failure.kind, answer.failure.message));
  }

  #end(reason: RuntimeError): void {
    const [worker, running] = [this.#worker, this.#running];
    this.#worker = undefined;
    this.#running = undefined;
    running?.reject(reason);
    // Not awaited: a thread that hangs in a disk ends when the disk answers.
    void worker?.terminate();
  }
}
