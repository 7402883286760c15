import type { CancelSignal } from "../../src/base/cancel-signal.ts";
import { RuntimeError } from "../../src/base/errors.ts";
import type {
  Engine,
  HostInfo,
  LoadedModel,
  ModelFile,
  ModelPlace,
  ModelSource,
} from "../../src/engine/contract/engine.ts";
import { HostCounts } from "../../src/engine/contract/host-counts.ts";
import { RunBudget } from "../../src/engine/run-memory/budget.ts";
import { loadableFiles, runBytesOf } from "./model-files.ts";
import type { OpenWorks } from "./open-work.ts";
import { SimulatedCopy, SimulatedHost } from "./simulated-copy.ts";
import type { VirtualDisk } from "./virtual-disk.ts";

export interface EngineWatcher {
  /** The name of the generation that a signal belongs to, for labels. */
  readonly nameOf: (signal: CancelSignal) => string;
  /** Whether the generation that a signal belongs to is loaded again, after the death of a host. */
  readonly isReload: (signal: CancelSignal) => boolean;
  /** Called when the runtime asks for a copy's memory, before anything else happens. */
  readonly onUnload: (copy: SimulatedCopy) => void;
  /** Called when a host has died, with what it held. */
  readonly onCrash: (lost: readonly SimulatedCopy[]) => void;
}

const sharedHosts = 2;

/** An engine that keeps the contract in src/engine/contract/engine.ts as a malicious lawyer would: it is slow, it
 *  fails, its hosts die, it ignores aborts and answers late, all of it when the script says so. Its
 *  books, the copies, are what the runtime's own are held against. */
export class SimulatedEngine implements Engine {
  readonly modelKinds = [{ extensions: [".onnx"] }];
  readonly hostCounts = new HostCounts();
  readonly runMemory: RunBudget;
  /** Attempts to load and loaded models of which anything is left, oldest first. */
  readonly copies = new Set<SimulatedCopy>();
  readonly ready: Promise<void>;
  readonly #works: OpenWorks;
  readonly #disk: VirtualDisk;
  readonly #watcher: EngineWatcher;
  readonly #shared: SimulatedHost[] = [];
  /** Of all copies that ever were; the index is the serial number. */
  readonly #signals: (CancelSignal | undefined)[] = [undefined];
  #lastPid = 0;

  constructor(
    works: OpenWorks,
    disk: VirtualDisk,
    options: {
      readonly isUp: boolean;
      readonly watcher: EngineWatcher;
      readonly nowMs: () => number;
      readonly runBudgetBytes: number;
    },
  ) {
    this.runMemory = new RunBudget({ totalBytes: options.runBudgetBytes, now: options.nowMs });
    this.#works = works;
    this.#disk = disk;
    this.#watcher = options.watcher;
    const up = Promise.withResolvers<void>();
    this.ready = up.promise;
    const settle = () => {
      up.resolve();
      return "up";
    };
    if (options.isUp) settle();
    else works.add({ label: "the first host", settle });
  }

  /** Bytes that hosts really hold. */
  get heldBytes(): number {
    let sum = 0;
    for (const copy of this.copies) sum += copy.heldBytes;
    return sum;
  }

  /** Bytes that the runs in all hosts really take: one at a time in each. */
  get runBytes(): number {
    const most = new Map<SimulatedHost, number>();
    for (const copy of this.copies) {
      if (!copy.host.isUp || !copy.isExecuting) continue;
      const bytes = runBytesOf(copy.source.file, this.runMemory.totalBytes);
      most.set(copy.host, Math.max(most.get(copy.host) ?? 0, bytes));
    }
    return [...most.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  locate({ path }: ModelPlace): Promise<ModelFile> {
    return this.#answer(`locate ${path}`, () => {
      const identity = this.#disk.identityOf(path);
      if (identity === undefined) {
        throw new RuntimeError("failed-precondition", `${path} does not exist`);
      }
      return { format: "onnx", file: path, identity };
    });
  }

  inspect(model: ModelFile): Promise<ModelSource> {
    const found = loadableFiles.find(({ path }) => path === model.file);
    if (found === undefined) {
      return Promise.reject(new RuntimeError("invalid-argument", `${model.file} is not a model`));
    }
    const { estimatedBytes, unclearFromBytes, trueBytes } = found;
    return this.#answer(`inspect ${model.file}`, () => ({
      ...model,
      filesIdentity: model.identity,
      diskBytes: trueBytes,
      estimatedBytes,
      plausibleBytes: estimatedBytes,
      leastBytes: unclearFromBytes ?? estimatedBytes,
      isClear: unclearFromBytes === undefined,
    }));
  }

  async predict(place: ModelPlace): Promise<ModelSource> {
    return await this.inspect(await this.locate(place));
  }

  predictBytes(diskBytes: number): number {
    return 2 * diskBytes;
  }

  knowsFormat(format: string): boolean {
    return format === "onnx";
  }

  load(
    source: ModelSource,
    { signal, isolated }: { readonly signal: CancelSignal; readonly isolated: boolean },
  ): Promise<LoadedModel> {
    const serial = this.#signals.push(signal) - 1;
    const host = isolated ? this.#spawn() : this.#sharedHost(serial % sharedHosts);
    const copy = new SimulatedCopy(
      {
        serial,
        source,
        signal,
        host,
        name: this.#watcher.nameOf(signal),
        isReload: this.#watcher.isReload(signal),
      },
      { works: this.#works, crash: (dead) => this.crash(dead), onUnload: this.#watcher.onUnload },
    );
    this.copies.add(copy);
    void copy.gone.then(() => this.copies.delete(copy));
    return copy.whenLoaded;
  }

  hosts(): readonly HostInfo[] {
    return [];
  }

  async close(): Promise<void> {}

  /** The signal of the generation that the copy with this serial number belongs to. */
  signalOf(serial: number): CancelSignal | undefined {
    return this.#signals[serial];
  }

  /** Kills the host of one of the copies. */
  crashOne(pick: number): string | undefined {
    const hosts = [...new Set([...this.copies].map(({ host }) => host))].filter(
      (host) => host.isUp,
    );
    const host = hosts[pick % hosts.length];
    if (host === undefined) return undefined;
    const names = [...host.copies].map(({ name }) => name);
    this.crash(host);
    return `host ${host.pid} dies with ${names.join(", ")}`;
  }

  crash(host: SimulatedHost): void {
    if (!host.isUp) return;
    host.isUp = false;
    host.runShare.close();
    const lost = [...host.copies];
    for (const copy of lost) copy.loseHost();
    this.#watcher.onCrash(lost);
  }

  #answer<Value>(label: string, find: () => Value): Promise<Value> {
    const answer = Promise.withResolvers<Value>();
    const settle = (outcome: number) => {
      if (outcome < 95) {
        try {
          answer.resolve(find());
          return "found";
        } catch (error) {
          answer.reject(error);
          return "refused";
        }
      }
      answer.reject(new RuntimeError("temporarily-unavailable", "too many open files"));
      return "too many open files";
    };
    this.#works.add({ label, settle });
    return answer.promise;
  }

  #sharedHost(index: number): SimulatedHost {
    const host = this.#shared[index];
    if (host?.isUp) return host;
    const fresh = this.#spawn();
    this.#shared[index] = fresh;
    return fresh;
  }

  #spawn(): SimulatedHost {
    return new SimulatedHost(++this.#lastPid, this.runMemory.share());
  }
}
