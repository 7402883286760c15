import { Worker } from "node:worker_threads";
import { entryUrl } from "../../base/entry-url.ts";
import { describeError, RuntimeError } from "../../base/errors.ts";
import { endsWithProcess } from "../../base/process-exit.ts";
import { FieldError } from "../failures/field-error.ts";
import type { RestInference, RestInferenceBody } from "../rest/request.ts";
import type { TextBodyName, TextBodyOf } from "../text/text-bodies.ts";
import type {
  CodecAnswer,
  CodecCall,
  CodecFailure,
  CodecThreadData,
} from "./codec-thread-messages.ts";
import { maxJsonHeapBytes } from "./json-cost.ts";

/** What it takes to start again is less than what an idle heap holds. */
const idleMs = 5_000;
const MiB = 1024 * 1024;

interface Task {
  readonly call: CodecCall;
  readonly resolve: (result: object) => void;
  readonly reject: (reason: unknown) => void;
}

const entry = entryUrl(import.meta.url, "./codec-thread-main");

/** Reads large requests of REST in a thread of its own, one after the other. */
export class CodecThread {
  #worker: Worker | undefined;
  /** The first one is in the thread. */
  readonly #tasks: Task[] = [];
  readonly #maxHeapBytes: number;
  #idleTimer: NodeJS.Timeout | undefined;

  /** `maxCallBytes`: what all calls together may hold; one that is read here takes half of that at most. */
  constructor(maxCallBytes = 2 * maxJsonHeapBytes) {
    this.#maxHeapBytes = Math.min(maxJsonHeapBytes, Math.floor(maxCallBytes / 2));
  }

  /** As `decodeRestInference`. The memory behind `body` is taken away. Rejects as that throws, and with
   *  "temporarily-unavailable" if the thread breaks. A task whose `signal` aborts before its turn is left out. */
  decode(body: RestInferenceBody, signal: AbortSignal): Promise<RestInference> {
    return this.#run(body, signal) as Promise<RestInference>;
  }

  /** As `decodeTextBody`; otherwise like `decode`. */
  decodeText<Name extends TextBodyName>(
    name: Name,
    body: Uint8Array,
    signal: AbortSignal,
  ): Promise<TextBodyOf<Name>> {
    return this.#run({ text: name, body }, signal) as Promise<TextBodyOf<Name>>;
  }

  #run(call: CodecCall, signal: AbortSignal): Promise<object> {
    return new Promise<object>((resolve, reject) => {
      const task: Task = { call, resolve, reject };
      signal.addEventListener("abort", () => this.#leave(task, signal.reason), { once: true });
      this.#tasks.push(task);
      if (this.#tasks.length === 1) this.#send(task);
    });
  }

  close(): void {
    clearTimeout(this.#idleTimer);
    this.#end();
  }

  #send({ call }: Task): void {
    clearTimeout(this.#idleTimer);
    this.#worker ??= this.#start();
    this.#worker.postMessage(call, [call.body.buffer as ArrayBuffer]);
  }

  #start(): Worker {
    const workerData: CodecThreadData = { maxHeapBytes: this.#maxHeapBytes };
    const worker = new Worker(entry, {
      workerData,
      execArgv: ["--disable-warning=ExperimentalWarning"],
      resourceLimits: {
        maxOldGenerationSizeMb: Math.ceil(this.#maxHeapBytes / MiB) + 64,
        maxYoungGenerationSizeMb: 16,
      },
    });
    // It is the port that keeps the server up.
    worker.unref();
    endsWithProcess(worker);
    worker.on("message", (answer: CodecAnswer) => this.#settle(answer));
    worker.on("error", (error) => this.#lose(worker, error));
    worker.on("exit", () => this.#lose(worker, new Error("it ended")));
    return worker;
  }

  #settle(answer: CodecAnswer): void {
    const task = this.#tasks.shift();
    this.#next();
    if ("result" in answer) task?.resolve(answer.result);
    else if ("value" in answer) task?.resolve(answer.value);
    else task?.reject(errorOf(answer.failure));
  }

  #next(): void {
    const [next] = this.#tasks;
    if (next !== undefined) this.#send(next);
    else this.#idleTimer = setTimeout(() => this.#end(), idleMs).unref();
  }

  #lose(worker: Worker, error: unknown): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    const why = `the thread that reads large requests broke: ${describeError(error)}`;
    this.#tasks.shift()?.reject(new RuntimeError("temporarily-unavailable", why));
    this.#next();
  }

  #end(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
  }

  #leave(task: Task, reason: unknown): void {
    const at = this.#tasks.indexOf(task);
    // The first one is in the thread, which cannot be told to stop.
    if (at > 0) this.#tasks.splice(at, 1);
    if (at >= 0) task.reject(reason);
  }
}

function errorOf({ kind, message, field }: CodecFailure): Error {
  if (field !== undefined) return new FieldError(field, message);
  return kind === undefined ? new Error(message) : new RuntimeError(kind, message);
}
