import { type ChildProcess, spawn } from "node:child_process";
import { setPriority } from "node:os";
import type { Duplex, Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { entryUrl } from "../../base/entry-url.ts";
import { describeError, RuntimeError } from "../../base/errors.ts";
import { LinkedQueue } from "../../base/linked-queue.ts";
import type { ExecutionProvider } from "../../config/run-settings.ts";
import type { EngineLog } from "../contract/engine-log.ts";
import { ResidentMemory } from "../process/resident-memory.ts";
import type { FailedMessage, ReadyMessage } from "../wire/host-messages.ts";
import {
  decodeJson,
  type Frame,
  type FrameKind,
  FrameReader,
  frameKind,
  writeFrame,
} from "../wire/host-protocol.ts";
import { PayloadArena, type StoredPayload } from "../wire/payload-arena.ts";
import { hostKeeping, type Keeping, libraryEnvironment } from "./environment.ts";
import { readLines } from "./read-lines.ts";
import { hostCommand } from "./spawn-command.ts";

export interface HostProcessOptions {
  readonly log: EngineLog;
  /** The host's whole environment, apart from what this class adds. */
  readonly environment: Readonly<Record<string, string>>;
  readonly executionProvider?: ExecutionProvider;
  /** For the runs of all hosts together; 0 is no limit. */
  readonly runMemoryBytes: number;
}

export interface HostCall<T> {
  readonly kind: FrameKind;
  readonly model: number;
  readonly chunks: readonly Uint8Array[];
  /** The expected kind of response, and how to read it. If that throws, the host is broken and is killed. */
  readonly answer: FrameKind;
  read(payload: Uint8Array): T;
}

/** Receives the end of a call: exactly one of the two is called, once. */
export interface CallReceiver<T> {
  resolve(answer: T): void;
  reject(error: unknown): void;
}

interface PendingCall {
  readonly id: number;
  readonly call: HostCall<unknown>;
  /** The response's payload, if it is not in the socket. */
  stored?: StoredPayload | undefined;
  readonly receiver: CallReceiver<unknown>;
}

type HostState =
  | { readonly tag: "starting" | "ready" }
  | { readonly tag: "killed"; readonly error: RuntimeError }
  | { readonly tag: "gone"; readonly error: RuntimeError };

/** Importing the engines should never take longer than this. */
const startTimeoutMs = 30_000;

/** Memory is for models: V8's young generation, which a host hardly needs, would grow by 16 MB and more, and
 *  four compiler threads would each keep some of what they once needed. What V8 compiles and collects on such
 *  threads takes memory at any time, and would be attributed to the model that is being loaded. */
const nodeFlags = [
  "--max-semi-space-size=1",
  "--v8-pool-size=1",
  "--single-threaded",
  "--expose-gc",
  "--disable-warning=ExperimentalWarning",
];

/** The server decides and answers in microseconds what hosts compute in milliseconds. Where both want the
 *  same core, the server takes precedence, or its event loop is late while models load and run. */
const niceness = 10;

/** The entry is beside this file and has its extension: .ts in the sources, .js once compiled. */
const entry = fileURLToPath(entryUrl(import.meta.url, "../child/host-main"));

/** One engine host: a child process and the socket to it. */
export class HostProcess {
  /** Resolves when the host accepts work. Rejects with "temporarily-unavailable" if the system did not start
   *  it, or with the error of `exited` if it died first. */
  readonly ready: Promise<void>;
  /** Resolves when the process and its memory are gone, with the error that all pending calls got. */
  readonly exited: Promise<RuntimeError>;
  /** 0 if the system did not start the process. */
  readonly pid: number;
  /** Called once, when the process is gone and before any pending call is rejected. */
  onGone: (error: RuntimeError) => void = () => {};
  /** The signal that ended the process, if one did. */
  exitSignal: NodeJS.Signals | undefined;
  /** Whether `kill` ended it. */
  isKilledHere = false;
  /** Private memory of the host as last reported, undefined where the system does not report it. */
  memoryBytes: number | undefined;
  /** The host's memory, to be read on demand. */
  readonly memory: ResidentMemory;
  /** The same before the first model. */
  baseMemoryBytes: number | undefined;
  /** What RLIMIT_DATA counts for a host without models, undefined as above. */
  baseDataBytes: number | undefined;

  #state: HostState = { tag: "starting" };
  readonly #child: ChildProcess | undefined;
  readonly #socket: Duplex | undefined;
  readonly #arena: PayloadArena | undefined = PayloadArena.open();
  /** Responses usually arrive in the order of the calls. */
  #pending = new LinkedQueue<PendingCall>();
  readonly #log: EngineLog;
  readonly #ready = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<RuntimeError>();
  readonly #startTimer: NodeJS.Timeout;
  #lastCall = 0;
  #isCorked = false;
  #wasKilled = false;

  constructor({ log, environment, runMemoryBytes, executionProvider = "cpu" }: HostProcessOptions) {
    this.#log = log;
    this.ready = this.#ready.promise;
    this.exited = this.#exited.promise;
    // Callers that await `ready` see a failure; without any, it must not be an unhandled rejection.
    this.ready.catch(() => {});
    this.#startTimer = setTimeout(
      () => void this.kill(new RuntimeError("host-lost", "an engine host did not start")),
      startTimeoutMs,
    );
    this.#child = this.#spawn(environment, hostKeeping(runMemoryBytes), executionProvider);
    this.pid = this.#child?.pid ?? 0;
    this.memory = new ResidentMemory(this.pid);
    // A child that the system refused to start has no streams, whatever the types say.
    if (this.#child !== undefined && this.pid !== 0) {
      this.#socket = this.#child.stdio[3] as Duplex;
      this.#listen(this.#child);
    }
  }

  /** Whether it was meant to end. */
  get wasKilled(): boolean {
    return this.#wasKilled;
  }

  get isReady(): boolean {
    return this.#state.tag === "ready";
  }

  /** False as soon as the host is known to end; its memory may still be there. */
  get isAlive(): boolean {
    return this.#state.tag === "starting" || this.#state.tag === "ready";
  }

  /** Sends a frame and resolves with what the response holds. Rejects with the error that the host returns,
   *  with the error of `exited` once the host is gone, or with "invalid-argument" if the frame is too big. */
  call<T>(call: HostCall<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => this.send(call, { resolve, reject }));
  }

  /** As `call`, for callers for which microseconds matter. */
  send<T>(call: HostCall<T>, receiver: CallReceiver<T>): void {
    if (this.#state.tag === "gone") {
      receiver.reject(this.#state.error);
      return;
    }
    const id = this.#nextCall();
    const pending: PendingCall = { id, call, receiver: receiver as CallReceiver<unknown> };
    const place = this.#pending.add(pending);
    // A killed host never replies; its exit settles the call.
    if (this.#state.tag === "killed" || this.#socket === undefined) return;
    this.#corkForThisTick(this.#socket);
    try {
      const head = { kind: call.kind, call: id, model: call.model };
      pending.stored = writeFrame(this.#socket, head, call.chunks, this.#arena);
    } catch (error) {
      place.leave();
      receiver.reject(error);
    }
  }

  /** Ends the process by SIGKILL and resolves when it is gone. `error` becomes that of `exited` unless the
   *  host is already ending. */
  async kill(error: RuntimeError): Promise<void> {
    if (this.isAlive) {
      this.#wasKilled = true;
      this.#state = { tag: "killed", error };
      this.isKilledHere = true;
      this.#child?.kill("SIGKILL");
    }
    await this.exited;
  }

  #spawn(
    environment: Readonly<Record<string, string>>,
    keeping: Keeping,
    executionProvider: ExecutionProvider,
  ): ChildProcess | undefined {
    try {
      const facts = [String(keeping.keptTopBytes), executionProvider];
      const command = [process.execPath, ...nodeFlags, entry, ...facts];
      const { file, args } = hostCommand(command, this.#log);
      const child = spawn(file, args, {
        env: { ...environment, ...libraryEnvironment(keeping) },
        stdio: ["ignore", "ignore", "pipe", "pipe", this.#arena?.fd ?? "ignore"],
      });
      child.on("error", (error) => this.#notStarted(error));
      if (child.pid !== undefined) yieldToServer(child.pid);
      return child;
    } catch (error) {
      // Some of the system's failures are thrown, others are emitted.
      this.#notStarted(error);
      return undefined;
    }
  }

  #notStarted(error: unknown): void {
    // A failed kill emits the same event; then the process exists and will still exit.
    if (this.#child?.pid !== undefined) return;
    const message = `the system did not start an engine host: ${describeError(error)}`;
    this.#end(new RuntimeError("temporarily-unavailable", message, { cause: error }));
  }

  #listen(child: ChildProcess): void {
    const reader = new FrameReader((frame) => this.#onFrame(frame));
    this.#socket?.on("data", (chunk: Buffer) => {
      // Anything after an invalid frame is invalid too, until the kill has taken effect.
      if (!this.isAlive) return;
      try {
        reader.push(chunk);
      } catch (error) {
        this.#broken(error);
      }
    });
    // The host died while we wrote to it; its exit is reported separately.
    this.#socket?.on("error", () => {});
    readLines(child.stderr as Readable, (line) =>
      this.#log.warn({ hostPid: this.pid, line }, "engine host wrote to stderr"),
    );
    child.on("exit", (code, signal) => {
      this.exitSignal = signal ?? undefined;
      const how = signal === null ? `with code ${code}` : `by ${signal}`;
      this.#end(
        this.#state.tag === "killed"
          ? this.#state.error
          : new RuntimeError("host-lost", `the engine host (process ${this.pid}) ended ${how}`),
      );
    });
  }

  #onFrame(frame: Frame): void {
    if (!this.isAlive) return;
    if (frame.kind === frameKind.ready) {
      this.#state = { tag: "ready" };
      const { memoryBytes, dataBytes } = decodeJson<ReadyMessage>(frame.payload);
      this.memoryBytes = memoryBytes;
      this.baseMemoryBytes = memoryBytes;
      this.baseDataBytes = dataBytes;
      clearTimeout(this.#startTimer);
      this.#ready.resolve();
      return;
    }
    // Read before the call counts as answered: if this throws, the call is rejected when the host is gone.
    const failure = frame.kind === frameKind.failed ? readFailure(frame.payload) : undefined;
    const place = this.#pending.find(({ id }) => id === frame.call);
    if (place === undefined) throw new Error("an answer that nobody waits for");
    place.leave();
    const pending = place.item;
    pending.stored?.release();
    pending.stored = undefined;
    if (failure !== undefined) {
      pending.receiver.reject(failure);
      return;
    }
    let answer: unknown;
    try {
      if (frame.kind !== pending.call.answer) {
        throw new Error(`an answer of kind ${frame.kind} instead of ${pending.call.answer}`);
      }
      answer = pending.call.read(frame.payload);
    } catch (error) {
      // Back to the pending calls: it is rejected with the others when the host is gone.
      this.#pending.add(pending);
      throw error;
    }
    pending.receiver.resolve(answer);
  }

  #broken(error: unknown): void {
    this.#log.error({ hostPid: this.pid, reason: describeError(error) }, "engine host was broken");
    void this.kill(
      new RuntimeError("host-lost", `the engine host sent ${describeError(error)} and was killed`),
    );
  }

  #end(error: RuntimeError): void {
    if (this.#state.tag === "gone") return;
    this.#state = { tag: "gone", error };
    clearTimeout(this.#startTimer);
    this.#socket?.destroy();
    this.#arena?.close();
    this.memory.close();
    this.onGone(error);
    this.#ready.reject(error);
    const pending = this.#pending;
    this.#pending = new LinkedQueue();
    for (const { receiver } of pending) receiver.reject(error);
    this.#exited.resolve(error);
  }

  /** Frames of the same tick go out in one write. */
  #corkForThisTick(socket: Duplex): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    socket.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      socket.uncork();
    });
  }

  /** Wraps around after 2^32 calls, when none of the first ones is pending any more. */
  #nextCall(): number {
    this.#lastCall = (this.#lastCall + 1) >>> 0;
    return this.#lastCall;
  }
}

function readFailure(payload: Uint8Array): RuntimeError {
  const { kind, message } = decodeJson<FailedMessage>(payload);
  return new RuntimeError(kind, message);
}

/** Right after the start, since threads that the host creates later inherit it. */
function yieldToServer(pid: number): void {
  try {
    setPriority(pid, niceness);
  } catch {
    // If the system refuses, or the host is already gone, hosts run at normal priority.
  }
}
