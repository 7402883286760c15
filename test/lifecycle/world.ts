import { SafePath } from "../../src/base/files/safe-path.ts";
import { createLogger } from "../../src/observe/log.ts";
import { splitVersionedId } from "../../src/service/lifecycle/model-name.ts";
import { ModelManager } from "../../src/service/model-manager.ts";
import { managerOptions } from "../support/fakes/manager-options.ts";
import { Callers } from "./callers.ts";
import { capacityBytes, loadableFiles, repositoryFolder, writeVersion } from "./model-files.ts";
import { OpenWorks } from "./open-work.ts";
import { RecordWatch, type Station, type Watched } from "./record-watch.ts";
import { ReferenceModel } from "./reference-model.ts";
import type { Setup } from "./script.ts";
import { type SimulatedContainer, simulatedContainer } from "./simulated-container.ts";
import type { SimulatedCopy } from "./simulated-copy.ts";
import { SimulatedEngine } from "./simulated-engine.ts";
import { Violations } from "./violation.ts";
import { VirtualClock } from "./virtual-clock.ts";
import { VirtualDisk, virtualRoot } from "./virtual-disk.ts";

/** Of a load, as ModelMesh is told. No other timer has the delay that the runtime makes of it. */
const loadTimeoutMs = 20_000;
export const loadLimitMs = 19_000;

const silent = createLogger("silent");

/** The whole of a runtime's lifecycle with nothing real outside of it. */
export class World {
  readonly setup: Setup;
  readonly container: SimulatedContainer;
  readonly violations = new Violations();
  readonly works = new OpenWorks();
  readonly clock = new VirtualClock();
  readonly callers = new Callers(this.violations);
  readonly reference = new ReferenceModel();
  readonly disk: VirtualDisk;
  readonly engine: SimulatedEngine;
  readonly watch: RecordWatch;
  readonly manager: ModelManager;
  /** Names that loadModel is called with. */
  readonly ownIds: readonly string[];
  readonly repositoryNames = ["plain", "versioned"] as const;
  readonly ids: readonly string[];
  /** Files whose size is known, since a load of them has been answered. */
  readonly loadedPaths = new Set<string>();
  /** Those that loads from the repository find on a disk that answers at once, newest last, without loads
   *  whose callers have left. */
  readonly foundVersions = new Set<ReadonlySet<string>>();
  isClosed = false;
  // While a call that ends models is being made: how long their runs may go on.
  #endingDrainMs: number | undefined;
  #event = 0;

  /** `onStep`: called after each step of any generation, which was at `from` before. */
  constructor(setup: Setup, onStep: (world: World, watched: Watched, from: Station) => void) {
    this.setup = setup;
    this.container = simulatedContainer(setup);
    this.ownIds = Array.from({ length: setup.idCount }, (_, index) => `m${index}`);
    this.ids = [...this.ownIds, ...this.repositoryNames];
    this.disk = new VirtualDisk(this.works, { answersAtOnce: !setup.isDiskSlow });
    this.engine = new SimulatedEngine(this.works, this.disk, {
      isUp: !setup.isEngineSlow,
      watcher: {
        nameOf: (signal) => this.watch.of(signal)?.name ?? "a stranger",
        isReload: (signal) => this.watch.of(signal)?.hasBeenReady === true,
        onUnload: (copy) => this.#checkUnload(copy),
        onCrash: (lost) => this.#onCrash(lost),
      },
      nowMs: () => this.clock.nowMs,
      runBudgetBytes: this.container.runBudgetBytes,
    });
    this.watch = new RecordWatch({
      violations: this.violations,
      nowMs: () => this.clock.nowMs,
      drainMs: () => this.#endingDrainMs ?? setup.drainTimeoutMs,
      event: () => this.#event,
      onStep: (watched, from) => {
        // Up to here the runtime may have answered in ignorance of the death.
        if (watched.station === "reloading") this.reference.disturb([nameOf(watched)]);
        onStep(this, watched, from);
      },
    });
    this.manager = this.watch.follow(
      () =>
        new ModelManager(
          { engine: this.engine, safePath: new SafePath([virtualRoot]), log: silent },
          managerOptions({
            capacityBytes,
            loadingConcurrency: setup.loadingConcurrency,
            loadTimeoutMs,
            defaultModelBytes: 100_000,
            drainTimeoutMs: setup.drainTimeoutMs,
            modelRepository: repositoryFolder,
            lifecycleOwner: "repository",
          }),
        ),
    );
    for (const { path, trueBytes } of loadableFiles) {
      if (path.endsWith(".onnx")) this.disk.write(path, trueBytes);
    }
    for (const version of ["1", "2"]) writeVersion(this.disk, version);
    this.disk.write(`${virtualRoot}/junk.onnx`, 1);
  }

  /** Resolves when all promises have reacted to what has happened. */
  async react(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#event++;
  }

  /** Whether something has been in the same state since before the event that is being reacted to. */
  isOlderThanEvent({ stationEvent }: Watched): boolean {
    return stationEvent < this.#event;
  }

  /** Whether a call that ends models is being made, rather than promises reacting. */
  get isEnding(): boolean {
    return this.#endingDrainMs !== undefined;
  }

  /** Makes a call that ends models, whose runs have `drainMs`. */
  ending<Result>(drainMs: number, call: () => Result): Result {
    this.#endingDrainMs = drainMs;
    try {
      return call();
    } finally {
      this.#endingDrainMs = undefined;
    }
  }

  /** Generations of a model, its versions included. */
  generationsOf(name: string): Watched[] {
    return [...this.watch.present()].filter((watched) => nameOf(watched) === name);
  }

  /** What a host holds of a generation. */
  copiesOf({ record }: Watched): SimulatedCopy[] {
    return [...this.engine.copies].filter(
      (copy) => copy.signal === record.signal && copy.heldBytes > 0,
    );
  }

  /** Reports every generation of which something is left. */
  expectGone(generations: readonly Watched[], rule: string): void {
    for (const watched of generations) {
      const [copy] = this.copiesOf(watched);
      this.violations.expect(
        copy === undefined,
        rule,
        () => `${watched.name} is ${copy?.phase} in host ${copy?.hostPid}`,
      );
      this.violations.expect(
        watched.station === "removed",
        rule,
        () => `${watched.name} is still ${watched.station}`,
      );
    }
  }

  #checkUnload(copy: SimulatedCopy): void {
    const watched = this.watch.of(copy.signal);
    const { violations } = this;
    violations.expect(
      watched?.station === "unloading",
      "a model is taken out of its host only by the end of its own generation",
      () => `${copy.name} is unloaded while it is ${watched?.station}`,
    );
    if (watched?.drain === undefined) return;
    const { sinceMs, limitMs } = watched.drain;
    const leftMs = sinceMs + limitMs - this.clock.nowMs;
    violations.expect(
      copy.runCount === 0 || leftMs <= 0,
      "inferences in flight are given their time to finish",
      () => `${copy.runCount} runs of ${copy.name} are aborted ${leftMs} ms too early`,
    );
  }

  #onCrash(lost: readonly SimulatedCopy[]): void {
    const generations = lost.map((copy) => this.watch.of(copy.signal));
    this.reference.disturb(generations.flatMap((watched) => (watched ? [nameOf(watched)] : [])));
  }
}

// Taken before anybody puts another in its place.
const { setImmediate } = globalThis;

/** The name that callers know a generation by: without its version. */
function nameOf({ record }: Watched): string {
  return splitVersionedId(record.id).name;
}
