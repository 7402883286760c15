import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { abortable, delay } from "../base/abort.ts";
import type { CancelSignal } from "../base/cancel-signal.ts";
import { entryUrl } from "../base/entry-url.ts";
import { describeError, RuntimeError } from "../base/errors.ts";
import { endsWithProcess } from "../base/process-exit.ts";
import { Slots } from "../base/slots.ts";
import type {
  SigningAnswer,
  SigningCall,
  TrustCall,
  TrustReport,
  Verification,
  VerifyCall,
} from "./contract/signing-messages.ts";

/** Hashes use a core each. */
const maxThreads = Math.max(1, Math.floor(availableParallelism() / 2));
/** How long a thread has to stop after a cancellation, which it looks for after each MiB. */
const graceMs = 1_000;
/** Of a thread's heap. A signature of the largest size takes about half. */
const heapMb = 256;

/** The threads that check signatures. They start when they are needed, and one stays. */
export class SigningThreads {
  readonly #slots = new Slots(maxThreads);
  readonly #all = new Set<SigningThread>();
  readonly #idle: SigningThread[] = [];
  #closed: RuntimeError | undefined;

  trust(call: TrustCall, signal: CancelSignal): Promise<TrustReport> {
    return this.#run(
      (thread) => thread.call<TrustReport>(call),
      signal,
      () => {},
    );
  }

  /** As `verifyModel`. When `signal` aborts, rejects with its reason once nothing is written to the target any more,
   *  unless the disk does not answer. */
  verify(call: Omit<VerifyCall, "cancel">, signal: CancelSignal): Promise<Verification> {
    const cancel = new Int32Array(new SharedArrayBuffer(4));
    return this.#run(
      (thread) => thread.call<Verification>({ ...call, cancel }),
      signal,
      () => Atomics.store(cancel, 0, 1),
    );
  }

  /** Rejects the calls in progress with `reason`, and all later ones. */
  close(reason: RuntimeError): void {
    this.#closed = reason;
    for (const thread of this.#all) thread.end(reason);
  }

  async #run<T>(
    work: (thread: SigningThread) => Promise<T>,
    signal: CancelSignal,
    cancel: () => void,
  ): Promise<T> {
    return await this.#slots.run(signal, async () => {
      if (this.#closed !== undefined) throw this.#closed;
      const thread = this.#idle.pop() ?? this.#start();
      const answer = work(thread);
      answer.catch(() => {});
      try {
        return await abortable(answer, signal);
      } catch (error) {
        if (signal.aborted) {
          cancel();
          await stopped(thread, answer);
        }
        throw error;
      } finally {
        if (!thread.hasEnded) this.#idle.push(thread);
        for (const spare of this.#idle.splice(1)) spare.end(unused);
      }
    });
  }

  #start(): SigningThread {
    const thread = new SigningThread(() => {
      this.#all.delete(thread);
      const at = this.#idle.indexOf(thread);
      if (at >= 0) this.#idle.splice(at, 1);
    });
    this.#all.add(thread);
    return thread;
  }
}

const unused = new RuntimeError("temporarily-unavailable", "this thread was no longer needed");
const stuck = new RuntimeError("temporarily-unavailable", "the disk of the model did not answer");

/** Waits until a cancelled thread has stopped, and gives it up if it does not. */
async function stopped(thread: SigningThread, answer: Promise<unknown>): Promise<void> {
  const patience = new AbortController();
  const late = delay(graceMs, patience.signal).then(
    () => thread.end(stuck),
    () => {},
  );
  await Promise.race([answer.catch(() => {}), late]);
  patience.abort();
}

type Call = VerifyCall | TrustCall;

class SigningThread {
  readonly #worker: Worker;
  readonly #onEnd: () => void;
  #lastNumber = 0;
  #waiting: PromiseWithResolvers<unknown> | undefined;
  #end: RuntimeError | undefined;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
    this.#worker = new Worker(entryUrl(import.meta.url, "./check/signing-thread-main"), {
      execArgv: ["--disable-warning=ExperimentalWarning"],
      resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: 4 },
    });
    // The port, not the thread, keeps the server alive.
    this.#worker.unref();
    endsWithProcess(this.#worker);
    this.#worker.on("message", (answer: SigningAnswer) => this.#settle(answer));
    this.#worker.on("error", (error) => this.#lose(error));
    this.#worker.on("exit", () => this.#lose(new Error("it ended")));
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  call<Result>(call: Call): Promise<Result> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting = waiting;
    const numbered: SigningCall = { ...call, number: ++this.#lastNumber };
    this.#worker.postMessage(numbered);
    return waiting.promise as Promise<Result>;
  }

  /** Rejects the call in progress. Not awaited: a thread that hangs in a disk ends when the disk answers. */
  end(reason: RuntimeError): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    this.#onEnd();
    this.#waiting?.reject(reason);
    void this.#worker.terminate();
  }

  #settle(answer: SigningAnswer): void {
    if (answer.number !== this.#lastNumber) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if ("result" in answer) waiting?.resolve(answer.result);
    else {
      const { kind, message } = answer.failure;
      waiting?.reject(kind === undefined ? new Error(message) : new RuntimeError(kind, message));
    }
  }

  #lose(error: unknown): void {
    const why = `the thread that checks signatures broke: ${describeError(error)}`;
    this.end(new RuntimeError("temporarily-unavailable", why));
  }
}
