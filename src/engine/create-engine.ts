import { availableParallelism } from "node:os";
import { extname } from "node:path";
import { defaultRunSettings, type RunSettings } from "../config/run-settings.ts";
import type {
  Engine,
  HostInfo,
  Joining,
  LoadedModel,
  ModelFile,
  ModelPlace,
  ModelSource,
  RunMemory,
} from "./contract/engine.ts";
import { type EngineLog, silentLog } from "./contract/engine-log.ts";
import type { HostCounts } from "./contract/host-counts.ts";
import type { ModelFootprint } from "./contract/model-format.ts";
import { findFormat, knownFormat, modelFormats } from "./engine-catalog.ts";
import { FileThreads } from "./files/file-threads.ts";
import type { InspectedFiles } from "./files/model-inspector.ts";
import { HostPool, shuttingDown } from "./hosts/host-pool.ts";
import { plannedSize, sharedHostFactor, sharedModelBytes } from "./model-size.ts";
import { JoiningFaults } from "./queue/joining-faults.ts";
import { KnownRuns } from "./run-memory/known-runs.ts";
import { ModelRuns } from "./run-memory/model-runs.ts";

export interface EngineOptions {
  /** Shared hosts for small models. Default: one for each core. */
  readonly hosts?: number;
  /** A model whose own memory is estimated at this or more gets a host of its own, which can be
   *  stopped at any moment and gives all of its memory back. Default: 32 MiB. */
  readonly dedicatedMinBytes?: number;
  /** How long a host may go on with work that is not wanted any more, when that holds up an unload or
   *  the end of a load; then it is killed. Default: 2,000. */
  readonly killGraceMs?: number;
  /** How long a load may go on with runs on zeros before its host is killed. Default: 5,000. */
  readonly warmupTimeoutMs?: number;
  /** What the runs of all hosts may take at once, beyond their models; 0: no limit. Default: 512 MiB. */
  readonly runMemoryBytes?: number;
  /** What a shared host may take beside its models, for longer than a look or two, before these move to a
   *  fresh host; 0: any amount. Default: 64 MiB. */
  readonly maxWasteBytes?: number;
  /** Between two looks at that. Default: 5,000. */
  readonly wasteIntervalMs?: number;
  /** The environment of the hosts, which get nothing else of ours: LD_PRELOAD of another allocator, or
   *  NODE_COMPILE_CACHE, which halves their start and saves 14 MB each when run from sources.
   *  Default: empty. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Default: silent. */
  readonly log?: EngineLog;
}

/** Private memory of a host at rest before its first model: measured 25 MB where Node strips the types of the sources in
 *  the host itself (not if it has a compile cache, see `environment`), and less without. */
const hostBaseBytes = (extname(import.meta.url) === ".ts" ? 28 : 22) * 1024 * 1024;

/** Rows of a rehearsal of joining (see `Rehearsal`) of a model whose runs take next to nothing. */
const cheapRows = 8;

/** Starts the engine hosts and returns at once; see `ready`. */
export function createEngine(options: EngineOptions = {}): Engine {
  return new PooledEngine(options);
}

/** What `locate` has seen already goes along to `inspect`, which comes next. */
interface SeenFile extends ModelFile {
  readonly inspected?: InspectedFiles;
}

/** Loads can wait for a thread that looks at files; a thread for those who ask for a size, which are in a
 *  hurry, is taken for stuck by what they are ready to wait. */
const loadNiceness = 5;
const predictionStuckMs = 20;

class PooledEngine implements Engine {
  readonly ready: Promise<void>;
  readonly extensions: readonly string[] = modelFormats.map(({ extension }) => extension);
  readonly #pool: HostPool;
  readonly #files = new FileThreads({ niceness: loadNiceness });
  /** Of their own, so that they overtake loads. They start when the first host is up, which needs the
   *  cores more, or with the first who asks. */
  #predictions: FileThreads | undefined;
  readonly #dedicatedMinBytes: number;
  /** What `inspect` saw, for the load that follows. */
  readonly #footprints = new WeakMap<ModelSource, ModelFootprint>();
  readonly #joiningFaults = new JoiningFaults();
  readonly #runs = new KnownRuns();
  readonly #log: EngineLog;
  /** Numbers of threads that were warned of. */
  readonly #toldThreads = new Set<number>();
  #isClosed = false;

  constructor(options: EngineOptions) {
    this.#dedicatedMinBytes = options.dedicatedMinBytes ?? 32 * 1024 * 1024;
    this.#log = options.log ?? silentLog;
    this.#pool = new HostPool({
      sharedHosts: options.hosts ?? availableParallelism(),
      killGraceMs: options.killGraceMs ?? 2_000,
      warmupTimeoutMs: options.warmupTimeoutMs ?? 5_000,
      runMemoryBytes: options.runMemoryBytes ?? 512 * 1024 * 1024,
      maxWasteBytes: options.maxWasteBytes ?? 64 * 1024 * 1024,
      wasteIntervalMs: options.wasteIntervalMs ?? 5_000,
      environment: options.environment ?? {},
      log: this.#log,
    });
    this.ready = this.#pool.ready;
    this.ready.then(
      () => this.#isClosed || this.#predictionThreads(),
      () => {},
    );
  }

  hosts(): readonly HostInfo[] {
    return this.#pool.hosts();
  }

  get hostCounts(): HostCounts {
    return this.#pool.counts;
  }

  get runMemory(): RunMemory | undefined {
    return this.#pool.runBudget;
  }

  knowsFormat(format: string): boolean {
    return findFormat(format) !== undefined;
  }

  async locate(place: ModelPlace): Promise<ModelFile> {
    if (this.#isClosed) throw shuttingDown();
    const { model, inspected } = await this.#files.find(place);
    if (inspected === undefined) return model;
    const seen: SeenFile = { ...model, inspected };
    return seen;
  }

  async inspect({ inspected, ...model }: SeenFile): Promise<ModelSource> {
    if (this.#isClosed) throw shuttingDown();
    return this.#sourceOf(model, inspected ?? (await this.#files.inspect(model)));
  }

  async predict(place: ModelPlace): Promise<ModelSource> {
    if (this.#isClosed) throw shuttingDown();
    const threads = this.#predictionThreads();
    const { model, inspected } = await threads.find(place);
    return this.#sourceOf(model, inspected ?? (await threads.inspect(model)));
  }

  #predictionThreads(): FileThreads {
    this.#predictions ??= new FileThreads({ stuckMs: predictionStuckMs });
    return this.#predictions;
  }

  #sourceOf(
    model: ModelFile,
    { footprint, filesIdentity, diskBytes }: InspectedFiles,
  ): ModelSource {
    const planned = plannedSize(footprint);
    const { hasDataFiles, dataFiles, isClear } = footprint;
    const withHost = (bytes: number) =>
      this.#isBig(footprint) ? bytes + hostBaseBytes : Math.ceil(bytes * sharedHostFactor);
    const source: ModelSource = {
      ...model,
      filesIdentity,
      diskBytes,
      estimatedBytes: withHost(planned.estimatedBytes),
      plausibleBytes: withHost(planned.plausibleBytes),
      leastBytes: withHost(planned.leastBytes),
      isClear,
      ...(hasDataFiles && { hasDataFiles }),
      ...(dataFiles && { dataFiles }),
    };
    this.#footprints.set(source, footprint);
    return source;
  }

  predictBytes(diskBytes: number, format: string | undefined): number {
    const formats = format === undefined ? modelFormats : [knownFormat(format)];
    const bytes = Math.max(...formats.map((known) => known.predictBytes(Math.max(0, diskBytes))));
    const withHost = bytes >= this.#dedicatedMinBytes ? bytes + hostBaseBytes : bytes;
    return Math.min(Math.ceil(withHost), Number.MAX_SAFE_INTEGER);
  }

  async load(source: ModelSource, options: Parameters<Engine["load"]>[1]): Promise<LoadedModel> {
    const { signal, isolated, ownHost = isolated, settings = defaultRunSettings } = options;
    const { meter, onJoinedWrong } = options;
    signal.throwIfAborted();
    const format = knownFormat(source.format);
    const footprint = this.#footprints.get(source) ?? (await this.#files.inspect(source)).footprint;
    signal.throwIfAborted();
    const load = {
      source,
      platform: format.platform,
      settings,
      meter,
      signal,
      // What took a host down may have been the warm-up: the second attempt is made without.
      loadingBytes: footprint.loadingBytes,
      warmupRows: isolated ? 0 : footprint.warmupRows,
      runs: this.#runsOf(source, footprint),
      joining: {
        rowProof: footprint.rowProof,
        // Where runs take next to nothing, none are made when it loads.
        cheapRows: footprint.warmupRows || cheapRows,
        fault: this.#joiningFaults.of(source),
        onWrong: (joining: Joining) => {
          this.#joiningFaults.note(source, joining.reason);
          onJoinedWrong?.(joining);
        },
      },
    };
    if (isolated || ownHost || this.#isBig(footprint)) {
      const host = this.#pool.placeDedicated();
      try {
        return await host.load({
          ...load,
          threads: this.#threadsOf(settings) || availableParallelism(),
          mostBytes: options.mostBytes,
          sizeOf: (measuredBytes) => measuredBytes ?? footprint.usualBytes + hostBaseBytes,
        });
      } finally {
        this.#pool.refill();
      }
    }
    return await this.#pool.placeShared().load({
      ...load,
      threads: this.#threadsOf(settings) || 1,
      mostBytes: undefined,
      sizeOf: (measuredBytes) => sharedModelBytes(footprint, measuredBytes),
    });
  }

  #runsOf(source: ModelSource, { usualRun }: ModelFootprint): ModelRuns {
    return this.#runs.of(source, () => {
      return new ModelRuns(usualRun, () => this.#files.tabulate(source));
    });
  }

  close(): Promise<void> {
    this.#isClosed = true;
    for (const threads of [this.#files, this.#predictions]) threads?.close(shuttingDown());
    return this.#pool.close();
  }

  /** More than there are cores would make runs slower, and take memory. */
  #threadsOf({ threads }: RunSettings): number {
    const cores = availableParallelism();
    if (threads > cores && !this.#toldThreads.has(threads)) {
      this.#toldThreads.add(threads);
      this.#log.warn({ threads, cores }, "model asked for more threads than there are cores");
    }
    return Math.min(threads, cores);
  }

  /** Runs count here, which take memory and time of the other models in a host. */
  #isBig({ usualBytes, runBytes }: ModelFootprint): boolean {
    return usualBytes + runBytes >= this.#dedicatedMinBytes;
  }
}
