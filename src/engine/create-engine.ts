import { availableParallelism } from "node:os";
import { extname } from "node:path";
import { defaultRunSettings } from "../run-settings.ts";
import type { Engine, HostInfo, LoadedModel, ModelFile, ModelSource } from "./engine.ts";
import { findFormat, knownFormat, type ModelFootprint, modelFormats } from "./engine-catalog.ts";
import { type EngineLog, silentLog } from "./engine-log.ts";
import { FileThreads } from "./file-threads.ts";
import { HostPool, shuttingDown } from "./host-pool.ts";

export interface EngineOptions {
  /** Shared hosts for small models. Default: one for each core. */
  readonly hosts?: number;
  /** A model whose own memory is estimated at this or more gets a host of its own, which can be
   *  stopped at any moment and gives all of its memory back. Default: 32 MiB. */
  readonly dedicatedMinBytes?: number;
  /** How long a host may go on with work that is not wanted any more, when that holds up an unload or
   *  the end of a load; then it is killed. Default: 2,000. */
  readonly killGraceMs?: number;
  /** The environment of the hosts, which get nothing else of ours: LD_PRELOAD of another allocator, or
   *  NODE_COMPILE_CACHE, which halves their start and saves 14 MB each when run from sources.
   *  Default: empty. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Default: silent. */
  readonly log?: EngineLog;
}

/** Private memory of a host before its first model: measured 19 MB, and 33 MB where Node strips the types
 *  of the sources in the host itself (not if it has a compile cache, see `environment`). */
const hostBaseBytes = (extname(import.meta.url) === ".ts" ? 40 : 24) * 1024 * 1024;

/** Starts the engine hosts and returns at once; see `ready`. */
export function createEngine(options: EngineOptions = {}): Engine {
  return new PooledEngine(options);
}

/** What `locate` has seen already goes along to `inspect`, which comes next. */
interface SeenFile extends ModelFile {
  readonly seen?: { readonly file: string; readonly footprint: ModelFootprint };
}

class PooledEngine implements Engine {
  readonly ready: Promise<void>;
  readonly extensions: readonly string[] = modelFormats.map(({ extension }) => extension);
  readonly #pool: HostPool;
  readonly #files = new FileThreads();
  readonly #dedicatedMinBytes: number;
  /** What `inspect` saw, for the load that follows. */
  readonly #weightBytes = new WeakMap<ModelSource, number>();
  #isClosed = false;

  constructor(options: EngineOptions) {
    this.#dedicatedMinBytes = options.dedicatedMinBytes ?? 32 * 1024 * 1024;
    this.#pool = new HostPool({
      sharedHosts: options.hosts ?? availableParallelism(),
      killGraceMs: options.killGraceMs ?? 2_000,
      environment: options.environment ?? {},
      log: options.log ?? silentLog,
    });
    this.ready = this.#pool.ready;
  }

  hosts(): readonly HostInfo[] {
    return this.#pool.hosts();
  }

  knowsFormat(format: string): boolean {
    return findFormat(format) !== undefined;
  }

  async locate(path: string, format: string | undefined): Promise<ModelFile> {
    if (this.#isClosed) throw shuttingDown();
    const { model, footprint } = await this.#files.find(path, format);
    if (footprint === undefined) return model;
    const seen: SeenFile = { ...model, seen: { file: model.file, footprint } };
    return seen;
  }

  async inspect({ seen, ...model }: SeenFile): Promise<ModelSource> {
    if (this.#isClosed) throw shuttingDown();
    const { loadedBytes, weightBytes } =
      seen?.file === model.file
        ? seen.footprint
        : await this.#files.inspect(model.format, model.file);
    const source = { ...model, estimatedBytes: this.#withHost(loadedBytes) };
    this.#weightBytes.set(source, weightBytes);
    return source;
  }

  predictBytes(diskBytes: number, format: string | undefined): number {
    const formats = format === undefined ? modelFormats : [knownFormat(format)];
    const bytes = Math.max(...formats.map((known) => known.predictBytes(Math.max(0, diskBytes))));
    return Math.min(Math.ceil(this.#withHost(bytes)), Number.MAX_SAFE_INTEGER);
  }

  async load(source: ModelSource, options: Parameters<Engine["load"]>[1]): Promise<LoadedModel> {
    const { signal, isolated, settings = defaultRunSettings } = options;
    signal.throwIfAborted();
    const format = knownFormat(source.format);
    const weightBytes =
      this.#weightBytes.get(source) ??
      (await this.#files.inspect(source.format, source.file)).weightBytes;
    signal.throwIfAborted();
    const leastBytes = weightBytes + format.sessionBytes;
    // An estimate that includes a host is over the limit without it, too.
    if (isolated || source.estimatedBytes >= this.#dedicatedMinBytes) {
      const host = this.#pool.placeDedicated();
      try {
        return await host.load({
          source,
          platform: format.platform,
          threads: availableParallelism(),
          settings,
          signal,
          sizeOf: (measuredBytes) => measuredBytes ?? leastBytes + hostBaseBytes,
        });
      } finally {
        this.#pool.refill();
      }
    }
    return await this.#pool.placeShared().load({
      source,
      platform: format.platform,
      threads: 1,
      settings,
      signal,
      // Memory that the host had free already hides a part of what the model takes.
      sizeOf: (measuredBytes = 0) => Math.max(measuredBytes, leastBytes),
    });
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#files.close(shuttingDown());
    return this.#pool.close();
  }

  #withHost(bytes: number): number {
    return bytes >= this.#dedicatedMinBytes ? bytes + hostBaseBytes : bytes;
  }
}
