import type { CancelSignal } from "../../src/base/cancel-signal.ts";
import { RuntimeError } from "../../src/base/errors.ts";
import type { Tensor } from "../../src/base/tensor.ts";
import type { EngineRequest, LoadedModel, ModelSource } from "../../src/engine/contract/engine.ts";
import type { HostShare } from "../../src/engine/run-memory/host-share.ts";
import { measuredBytesOf, runBytesOf, trueBytesOf } from "./model-files.ts";
import type { OpenWork, OpenWorks } from "./open-work.ts";
import { RunMemory } from "./run-memory.ts";

export class SimulatedHost {
  readonly pid: number;
  readonly copies = new Set<SimulatedCopy>();
  readonly runShare: HostShare;
  isUp = true;

  constructor(pid: number, runShare: HostShare) {
    this.pid = pid;
    this.runShare = runShare;
  }
}

interface CopyFacts {
  /** Counts all copies; outputs carry it. */
  readonly serial: number;
  readonly source: ModelSource;
  /** The signal of the load, which is that of the generation. */
  readonly signal: CancelSignal;
  readonly host: SimulatedHost;
  readonly name: string;
  /** Whether its generation was in another host before. */
  readonly isReload: boolean;
}

interface CopyWorld {
  readonly works: OpenWorks;
  readonly crash: (host: SimulatedHost) => void;
  readonly onUnload: (copy: SimulatedCopy) => void;
}

interface Run {
  readonly work: OpenWork;
  readonly memory: RunMemory;
  readonly refuse: (reason: unknown) => void;
}

/** One attempt to load a model, and the model that came of it. */
export class SimulatedCopy implements LoadedModel {
  readonly metadata = {
    platform: "simulated",
    inputs: [{ name: "x", datatype: "FP32", shape: [-1] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [-1] }],
  } as const;
  readonly serial: number;
  readonly source: ModelSource;
  readonly signal: CancelSignal;
  readonly host: SimulatedHost;
  readonly name: string;
  /** As measured. */
  readonly sizeBytes: number;
  readonly #trueBytes: number;
  readonly measuredBytes = undefined;
  readonly waitingRuns = 0;
  readonly joining = { state: "off", reason: "nothing is joined here" } as const;
  /** "lost": its host is dead, and its memory with it. */
  phase: "loading" | "loaded" | "unloading" | "lost" | "gone" = "loading";
  /** Whether the runtime has been told that the host is dead. */
  isLossKnown = false;
  readonly #world: CopyWorld;
  readonly #runs = new Set<Run>();
  readonly #loading: OpenWork;
  readonly #loaded = Promise.withResolvers<LoadedModel>();
  readonly #lost = Promise.withResolvers<RuntimeError>();
  readonly #gone = Promise.withResolvers<void>();
  #unload: Promise<void> | undefined;

  constructor(facts: CopyFacts, world: CopyWorld) {
    this.serial = facts.serial;
    this.source = facts.source;
    this.signal = facts.signal;
    this.host = facts.host;
    this.name = facts.name;
    this.#trueBytes = trueBytesOf(facts.source.file) ?? 0;
    this.sizeBytes = measuredBytesOf(facts.source.file, facts.isReload);
    this.#world = world;
    this.host.copies.add(this);
    this.#loading = {
      label: `load ${this.name} into host ${this.host.pid}`,
      settle: (outcome) => (this.signal.aborted ? this.#endAborted(outcome) : this.#end(outcome)),
    };
    world.works.add(this.#loading);
  }

  get hostPid(): number {
    return this.host.pid;
  }

  /** A load holds everything from its first moment, which is the worst that it may do. */
  get heldBytes(): number {
    return this.phase === "lost" || this.phase === "gone" ? 0 : this.#trueBytes;
  }

  get runCount(): number {
    return this.#runs.size;
  }

  /** Whether its host has a run of it. */
  get isExecuting(): boolean {
    return [...this.#runs].some(({ memory }) => memory.isAdmitted);
  }

  get whenLoaded(): Promise<LoadedModel> {
    return this.#loaded.promise;
  }

  get lost(): Promise<RuntimeError> {
    return this.#lost.promise;
  }

  /** Resolves when nothing of it is left. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  infer(_request: EngineRequest, signal: CancelSignal): Promise<Tensor[]> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.phase === "lost") return Promise.reject(hostLost(this.host));
    if (this.phase !== "loaded") return Promise.reject(unloaded());
    const answer = Promise.withResolvers<Tensor[]>();
    const end = () => {
      this.#world.works.remove(run.work);
      this.#runs.delete(run);
      run.memory.end();
      signal.removeEventListener("abort", onAbort);
    };
    const refuse = (reason: unknown) => {
      end();
      answer.reject(reason);
    };
    const onAbort = () => refuse(signal.reason);
    const settle = (outcome: number) => {
      if (outcome >= 94) {
        this.#world.crash(this.host);
        return "its host dies of it";
      }
      if (outcome >= 88) {
        refuse(new RuntimeError("run-failed", "the model fails"));
        return "fails";
      }
      end();
      const data = new Uint8Array(Float32Array.of(this.serial).buffer);
      answer.resolve([{ name: "y", datatype: "FP32", shape: [1], data }]);
      return "answers";
    };
    const work: OpenWork = { label: `run on ${this.name}`, settle };
    const memory = new RunMemory(this.host.runShare, {
      bytes: runBytesOf(this.source.file, this.host.runShare.totalBytes),
      onAdmitted: () => this.#world.works.add(work),
    });
    const run: Run = { work, memory, refuse };
    this.#runs.add(run);
    memory.wake();
    signal.addEventListener("abort", onAbort, { once: true });
    return answer.promise;
  }

  unload(): Promise<void> {
    this.#unload ??= this.#startUnload();
    return this.#unload;
  }

  /** Its host has died under it. */
  loseHost(): void {
    this.host.copies.delete(this);
    if (this.phase === "loading") {
      this.#world.works.remove(this.#loading);
      this.#vanish();
      this.#loaded.reject(
        this.serial % 2 === 0
          ? hostLost(this.host)
          : new RuntimeError(
              "temporarily-unavailable",
              `host ${this.host.pid} died before the load`,
            ),
      );
      return;
    }
    this.phase = "lost";
    // A run may hear of the death long before the others do.
    this.#refuseRuns(hostLost(this.host));
    const settle = () => {
      this.isLossKnown = true;
      this.#lost.resolve(hostLost(this.host));
      return "the runtime hears of it";
    };
    this.#world.works.add({ label: `the loss of ${this.name}`, settle });
  }

  #startUnload(): Promise<void> {
    this.#world.onUnload(this);
    if (this.phase === "loaded") this.phase = "unloading";
    this.#refuseRuns(unloaded());
    const settle = (outcome: number) => {
      // A host that does not let go is killed, with its other models.
      const isKilled = outcome >= 92 && this.host.isUp;
      if (isKilled) this.#world.crash(this.host);
      this.#vanish();
      return isKilled ? "free, and its host is killed" : "free";
    };
    this.#world.works.add({ label: `unload ${this.name}`, settle });
    return this.gone;
  }

  #end(outcome: number): string {
    if (outcome < 80) return this.#finish();
    if (outcome < 87) return this.#fail("load-failed");
    if (outcome < 94) return this.#fail("temporarily-unavailable");
    this.#world.crash(this.host);
    // Not this one's own death to tell: the crash has ended it.
    return "its host dies of it";
  }

  #endAborted(outcome: number): string {
    if (outcome >= 70) return this.#finish();
    this.#vanish();
    this.#loaded.reject(this.signal.reason);
    return "stops";
  }

  #finish(): string {
    this.phase = "loaded";
    this.#loaded.resolve(this);
    return this.signal.aborted ? "finishes although it was to stop" : "finishes";
  }

  #fail(kind: "load-failed" | "temporarily-unavailable"): string {
    this.#vanish();
    this.#loaded.reject(new RuntimeError(kind, `the load ends in ${kind}`));
    return kind;
  }

  #vanish(): void {
    this.phase = "gone";
    this.host.copies.delete(this);
    this.#gone.resolve();
  }

  #refuseRuns(reason: RuntimeError): void {
    for (const run of [...this.#runs]) run.refuse(reason);
  }
}

function hostLost(host: SimulatedHost): RuntimeError {
  return new RuntimeError("host-lost", `host ${host.pid} died`);
}

function unloaded(): RuntimeError {
  return new RuntimeError("aborted", "unloaded meanwhile");
}
