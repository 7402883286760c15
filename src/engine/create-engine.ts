import { availableParallelism } from "node:os";
import { extname } from "node:path";
import {
  defaultRunSettings,
  type ExecutionProvider,
  type RunSettings,
} from "../config/run-settings.ts";
import { engineFormat, engineFormats, findFormat, knownFormat, modelKinds } from "./catalog.ts";
import type {
  Engine,
  HostInfo,
  Joining,
  LoadedModel,
  ModelFile,
  ModelPlace,
  ModelSource,
  RunMemory,
  TabularFacts,
} from "./contract/engine.ts";
import { type EngineLog, silentLog } from "./contract/engine-log.ts";
import type { HostCounts } from "./contract/host-counts.ts";
import {
  type InspectedFiles,
  isTranslated,
  type ModelFootprint,
  type TranslatedFormat,
} from "./contract/model-format.ts";
import type { RunTable } from "./contract/run-table.ts";
import { textChoices } from "./contract/text-choices.ts";
import { FileThreads } from "./files/file-threads.ts";
import type { HostedModel } from "./hosts/hosted-model.ts";
import { HostPool, shuttingDown } from "./hosts/pool.ts";
import { plannedSize, sharedHostFactor, sharedModelBytes } from "./model-size.ts";
import { JoiningFaults } from "./queue/joining-faults.ts";
import { KnownRuns } from "./run-memory/known-runs.ts";
import { ModelRuns } from "./run-memory/model-runs.ts";
import { createTranslations, type TranslationSettings } from "./translation/create-translations.ts";
import { translationMemory } from "./translation/translation-memory.ts";
import type { Translations } from "./translation/translations.ts";

export interface EngineOptions {
  /** Shared hosts for small models. Default: one for each core. */
  readonly hosts?: number;
  /** A model whose own memory is estimated at this or more gets a host of its own, which can be stopped at
   *  any moment and then gives all of its memory back. Default: 32 MiB. */
  readonly dedicatedMinBytes?: number;
  /** How long a host may go on with unwanted work that holds up an unload or the end of a load; then it is
   *  killed. Default: 2,000. */
  readonly killGraceMs?: number;
  /** How long a load may spend on runs on zeros before its host is killed. Default: 5,000. */
  readonly warmupTimeoutMs?: number;
  /** What the runs of all hosts may take at once, beyond their models; 0: unlimited. Default: 512 MiB. */
  readonly runMemoryBytes?: number;
  /** What a shared host may take beyond its models, for more than a check or two, before they move to a fresh
   *  host; 0: unlimited. Default: 64 MiB. */
  readonly maxWasteBytes?: number;
  /** Time between two of these checks. Default: 5,000. */
  readonly wasteIntervalMs?: number;
  /** The hosts' environment; they get nothing else of ours. For example LD_PRELOAD of another allocator, or
   *  NODE_COMPILE_CACHE, which halves their start and saves 14 MB each when run from sources. Default:
   *  empty. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Where ONNX Runtime runs models. Default: "cpu". */
  readonly executionProvider?: ExecutionProvider;
  /** How files of other libraries become ONNX models. Default: in private folders, without keeping them. */
  readonly translation?: TranslationSettings;
  /** Default: no logging. */
  readonly log?: EngineLog;
}

/** Private memory of an idle host before its first model: 25 MB measured where Node strips the sources' types
 *  in the host itself (not with a compile cache, see `environment`), and less otherwise. */
const hostBaseBytes = (extname(import.meta.url) === ".ts" ? 28 : 22) * 1024 * 1024;

/** Rows of a joining rehearsal (see `Rehearsal`) for a model whose runs take next to nothing. */
const cheapRows = 8;

/** A translated model may turn out to hold this multiple of what its file's size has said, which is a bound. */
const mostOfEstimate = 2;
/** What a session holds for a split, at least. */
const leastSplitBytes = 200;

/** Starts the engine hosts and returns at once; see `ready`. */
export function createEngine(options: EngineOptions = {}): Engine {
  return new PooledEngine(options);
}

/** What `locate` has already read is passed on to `inspect`, which comes next. */
interface SeenFile extends ModelFile {
  readonly inspected?: InspectedFiles;
}

type LoadOptions = Parameters<Engine["load"]>[1];

/** What is known about a file that a host loads. */
interface HostedFile {
  readonly footprint: ModelFootprint;
  readonly platform: string;
  readonly tabular?: TabularFacts;
  /** Threads of its runs in a host of its own, if no setting says otherwise. */
  readonly ownThreads: number;
  /** As `EngineFormat.joinedBytes`. */
  readonly joinedBytes?: number | undefined;
  /** As `ModelFormat.tabulateRuns`. */
  tabulate(): Promise<RunTable | undefined>;
}

/** Loads can wait for a file thread. A size prediction cannot: its thread counts as stuck after the time that
 *  the prediction may wait. */
const loadNiceness = 5;
const predictionStuckMs = 20;

class PooledEngine implements Engine {
  readonly ready: Promise<void>;
  readonly modelKinds = modelKinds;
  readonly #pool: HostPool;
  readonly #files = new FileThreads({ niceness: loadNiceness });
  /** Separate threads, so that predictions overtake loads. They start when the first host is up, because that
   *  needs the cores more, or with the first prediction. */
  #predictions: FileThreads | undefined;
  readonly #dedicatedMinBytes: number;
  /** Results of `inspect`, for the load that follows. */
  readonly #footprints = new WeakMap<ModelSource, ModelFootprint>();
  readonly #joiningFaults = new JoiningFaults();
  readonly #runs = new KnownRuns();
  readonly #translations: Translations;
  readonly #log: EngineLog;
  /** Thread counts that have been warned about. */
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
      executionProvider: options.executionProvider ?? "cpu",
      log: this.#log,
    });
    this.#translations = createTranslations(options.translation, {
      environment: options.environment ?? {},
      files: this.#files,
      memory: translationMemory(this.#pool.runBudget),
      log: this.#log,
    });
    void this.#translations.removeLeftovers();
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

  async inspect({ inspected, ...model }: SeenFile, settings?: RunSettings): Promise<ModelSource> {
    if (this.#isClosed) throw shuttingDown();
    const isText = knownFormat(model.format).files.isFolder !== undefined;
    const choices = isText && settings ? textChoices(settings) : undefined;
    if (choices === undefined) {
      return this.#sourceOf(model, inspected ?? (await this.#files.inspect(model)));
    }
    const chosen = { ...model, choices };
    return this.#sourceOf(chosen, await this.#files.inspect(chosen));
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
    model: ModelFile & Pick<ModelSource, "choices">,
    { footprint, filesIdentity, diskBytes }: InspectedFiles,
  ): ModelSource {
    const planned = plannedSize(footprint);
    const { hasDataFiles, dataFiles, isClear, text } = footprint;
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
      ...(text && { text }),
    };
    this.#footprints.set(source, footprint);
    return source;
  }

  predictBytes(diskBytes: number, format: string | undefined): number {
    // What was not looked at is a file more often than a folder.
    const usual = engineFormats.filter(({ files }) => files.isFolder === undefined);
    const formats = format === undefined ? usual : [knownFormat(format)];
    const bytes = Math.max(...formats.map((known) => known.predictBytes(Math.max(0, diskBytes))));
    const withHost = bytes >= this.#dedicatedMinBytes ? bytes + hostBaseBytes : bytes;
    return Math.min(Math.ceil(withHost), Number.MAX_SAFE_INTEGER);
  }

  async load(source: ModelSource, options: LoadOptions): Promise<LoadedModel> {
    const { signal } = options;
    signal.throwIfAborted();
    const format = knownFormat(source.format);
    if (isTranslated(format)) return await this.#loadTranslated(source, format, options);
    const footprint = this.#footprints.get(source) ?? (await this.#files.inspect(source)).footprint;
    signal.throwIfAborted();
    return await this.#loadInHost(source, options, {
      footprint,
      platform: format.platform,
      // More threads than one for a model that has the cores to itself.
      ownThreads: availableParallelism(),
      joinedBytes: engineFormat(source.format).joinedBytes,
      tabulate: () => this.#files.tabulate(source),
    });
  }

  /** The file that its translator makes is loaded like any ONNX file, and stays until the model has ended. */
  async #loadTranslated(
    source: ModelSource,
    format: TranslatedFormat,
    options: LoadOptions,
  ): Promise<LoadedModel> {
    const { signal, mostBytes, settings = defaultRunSettings } = options;
    const mostHeldBytes = mostBytes ?? mostOfEstimate * source.estimatedBytes;
    const translated = await this.#translations.get({
      source,
      format,
      signal,
      options: {
        maxSplits: Math.floor(mostHeldBytes / leastSplitBytes),
        rounds: settings.rounds,
      },
    });
    try {
      const onnx = { format: "onnx", file: translated.file, identity: translated.identity };
      const { inspected } = translated;
      const made = this.#sourceOf(onnx, inspected);
      const model = await this.#loadInHost({ ...made, identity: source.identity }, options, {
        footprint: inspected.footprint,
        platform: format.platform,
        tabular: translated.facts,
        // Trees are summed in another order on several threads.
        ownThreads: 1,
        tabulate: async () => {
          const file = this.#translations.fileOf(translated.key);
          return file === undefined ? undefined : await this.#files.tabulate({ ...onnx, file });
        },
      });
      void model.ended.then(translated.release);
      return model;
    } catch (error) {
      translated.release();
      throw error;
    }
  }

  async #loadInHost(
    source: ModelSource,
    options: LoadOptions,
    { footprint, platform, tabular, ownThreads, joinedBytes, tabulate }: HostedFile,
  ): Promise<HostedModel> {
    const { signal, isolated, ownHost = isolated, settings = defaultRunSettings } = options;
    const { meter, onJoinedWrong } = options;
    const load = {
      source,
      platform,
      tabular,
      settings,
      meter,
      signal,
      // The warm-up may have killed the host: the second attempt goes without.
      loadingBytes: footprint.loadingBytes,
      usualBytes: footprint.usualBytes,
      warmupRows: isolated ? 0 : footprint.warmupRows,
      runs: this.#runs.of(source, () => new ModelRuns(footprint.usualRun, tabulate)),
      joining: {
        rowProof: footprint.rowProof,
        // A model whose runs take next to nothing is not warmed up.
        cheapRows: footprint.warmupRows || cheapRows,
        mostBytes: joinedBytes,
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
          threads: this.#threadsOf(settings) || ownThreads,
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

  async close(): Promise<void> {
    this.#isClosed = true;
    // While the file threads can still answer what it waits for.
    const translations = this.#translations.close(shuttingDown());
    for (const threads of [this.#files, this.#predictions]) threads?.close(shuttingDown());
    await Promise.all([translations, this.#pool.close()]);
  }

  /** More threads than cores would make runs slower, and take memory. */
  #threadsOf({ threads }: RunSettings): number {
    const cores = availableParallelism();
    if (threads > cores && !this.#toldThreads.has(threads)) {
      this.#toldThreads.add(threads);
      this.#log.warn({ threads, cores }, "model asked for more threads than there are cores");
    }
    return Math.min(threads, cores);
  }

  /** Runs matter here, because they take memory and time from the host's other models. */
  #isBig({ usualBytes, runBytes }: ModelFootprint): boolean {
    return usualBytes + runBytes >= this.#dedicatedMinBytes;
  }
}
