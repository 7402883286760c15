import { stat } from "node:fs/promises";
import { join } from "node:path";
import { delay } from "../../base/abort.ts";
import { fileIdentity } from "../../base/file-identity.ts";
import type { SafePath } from "../../base/safe-path.ts";
import type { Engine, ModelSource } from "../../engine/contract/engine.ts";
import { RecentMap } from "../counts/recent-map.ts";
import type { ModelRequest } from "./model-spec.ts";

/** ModelMesh counts in units of 8 KiB and forgets to clean up after a failed load of one unit. */
const leastBytes = 16 * 1024;
const maxRemembered = 20_000;
/** ModelMesh waits 500 ms for a prediction, and everybody who waits for the model waits with it. */
const defaultInspectLimitMs = 25;
/** A stat that takes longer is one of a disk that does not answer. */
const statPatienceMs = 5;
/** By so much do measurements of the same model differ by chance: 10 % either side of what its file says. */
const sameShare = 0.2;

export interface SizerOptions {
  readonly capacityBytes: number;
  readonly defaultModelBytes: number;
  /** Predicted bytes of memory per byte on disk; undefined leaves it to the engine. */
  readonly multiplier: number | undefined;
  /** How long a prediction waits for a look into the file. Default: 25. */
  readonly inspectLimitMs?: number;
}

/** What was measured of a model. */
interface Measured {
  readonly bytes: number;
  /** Of its files. */
  readonly diskBytes: number;
  /** Whether a shared host could not hold it. */
  readonly needsOwnHost: boolean;
}

/** The part of a record that its size is remembered by. */
interface LoadedFiles {
  readonly request: ModelRequest;
  readonly source: ModelSource | undefined;
  /** A shared host could not hold it. */
  readonly needsOwnHost: boolean;
}

/** Says what models take, with one voice: what is predicted of a model is what its load reserves, whichever
 *  setting, look into the file or former load the figure comes from. */
export class ModelSizer {
  readonly #engine: Engine;
  readonly #safePath: SafePath;
  readonly #options: SizerOptions;
  /** By the identity of all files of a model, or by its place in a store. */
  readonly #measured = new RecentMap<Measured>(maxRemembered);
  /** By the identity of a model's own file: what was last said of it, for when there is no time to look at
   *  the others. */
  readonly #latest = new RecentMap<number>(maxRemembered);
  /** By the same, or by a place in a store: what was said by the bytes on disk alone. */
  readonly #promised = new RecentMap<number>(maxRemembered);

  constructor(engine: Engine, safePath: SafePath, options: SizerOptions) {
    this.#engine = engine;
    this.#safePath = safePath;
    this.#options = options;
  }

  /** What is predicted of a model of which nothing is known. */
  get defaultBytes(): number {
    const { capacityBytes, defaultModelBytes } = this.#options;
    return Math.min(Math.max(defaultModelBytes, leastBytes), capacityBytes);
  }

  /** Bytes, from 16 KiB to the capacity. A path that is not here (yet) is no error. */
  async predict(request: ModelRequest): Promise<number> {
    const bytes =
      request.location === undefined ? await this.#ofFile(request) : this.#ofStored(request);
    return this.#clamp(Math.max(bytes ?? this.#options.defaultModelBytes, leastBytes));
  }

  /** What the load of a model should reserve: what is predicted of it (beyond 16 KiB), or more than the capacity
   *  if it is clear that it takes so much. */
  reservation(request: ModelRequest, source: ModelSource): number {
    const known = this.#known(request, source);
    const certainBytes = known?.bytes ?? source.leastBytes;
    if (certainBytes > this.#options.capacityBytes) {
      return known?.bytes ?? Math.max(source.estimatedBytes, certainBytes);
    }
    const figure = this.#clamp(this.#figure(request, source));
    if (known !== undefined) return figure;
    // Who was told less has made room for that, and no more: the load is measured anyhow.
    const promised =
      this.#promised.get(placeKey(request, source)) ?? this.#promised.get(request.spec.path);
    return promised === undefined ? figure : Math.min(figure, this.#clamp(promised));
  }

  /** Whether the same model needed a host of its own. */
  needsOwnHost(request: ModelRequest, source: ModelSource): boolean {
    return this.#known(request, source)?.needsOwnHost === true;
  }

  /** The size of a model that was loaded and measured, in bytes: that of the same model when it was loaded
   *  before, unless they differ by more than measurements do. Copies thus have one size, and what was said
   *  stays true. */
  settle({ request, source, needsOwnHost }: LoadedFiles, measuredBytes: number): number {
    if (source === undefined) return measuredBytes;
    const known = this.#known(request, source);
    const differs = (bytes: number) =>
      Math.abs(measuredBytes - bytes) > sameShare * Math.max(measuredBytes, bytes);
    const bytes = known === undefined || differs(known.bytes) ? measuredBytes : known.bytes;
    const { diskBytes } = source;
    this.#measured.set(filesKey(request, source), { bytes, diskBytes, needsOwnHost });
    this.#latest.set(placeKey(request, source), bytes);
    for (const key of [placeKey(request, source), request.spec.path]) this.#promised.delete(key);
    return bytes;
  }

  /** What was measured of these very files, as far as that can be told. */
  #known(request: ModelRequest, source: ModelSource): Measured | undefined {
    const known = this.#measured.get(filesKey(request, source));
    return known?.diskBytes === source.diskBytes ? known : undefined;
  }

  #clamp(bytes: number): number {
    return Math.min(Math.ceil(bytes), this.#options.capacityBytes);
  }

  /** Of a model whose files have been seen. */
  #figure(request: ModelRequest, source: ModelSource): number {
    const { capacityBytes, multiplier } = this.#options;
    const { estimatedBytes, plausibleBytes } = source;
    const byStructure = estimatedBytes > capacityBytes ? plausibleBytes : estimatedBytes;
    const bytes =
      this.#known(request, source)?.bytes ??
      (multiplier === undefined ? byStructure : source.diskBytes * multiplier);
    this.#latest.set(placeKey(request, source), bytes);
    return bytes;
  }

  /** By nothing but its size on disk, as a promise. */
  #promise(key: string, diskBytes: number, format: string | undefined): number {
    const { multiplier } = this.#options;
    const bytes =
      multiplier === undefined
        ? this.#engine.predictBytes(diskBytes, format)
        : diskBytes * multiplier;
    this.#promised.set(key, bytes);
    return bytes;
  }

  /** To ask a store would take too long. */
  #ofStored(request: ModelRequest): number | undefined {
    const key = storeKey(request);
    const known = this.#measured.get(key)?.bytes ?? this.#latest.get(key);
    if (known !== undefined || request.diskBytes === undefined) return known;
    return this.#promise(key, request.diskBytes, request.format);
  }

  async #ofFile(request: ModelRequest): Promise<number | undefined> {
    const path = this.#safePath.resolve(request.spec.path);
    const stats = statModel(path);
    const figure = await inTime(
      this.#inspect(request, path),
      this.#options.inspectLimitMs ?? defaultInspectLimitMs,
    );
    if (figure !== undefined) {
      this.#promised.delete(request.spec.path);
      return figure;
    }
    // No model, or not seen in time: why, the load will say.
    const onDisk = await inTime(stats, statPatienceMs);
    const key = onDisk?.identity ?? request.spec.path;
    const known = this.#latest.get(key);
    const diskBytes = onDisk?.bytes ?? request.diskBytes;
    if (known !== undefined || diskBytes === undefined) return known;
    return this.#promise(key, diskBytes, request.format);
  }

  async #inspect(request: ModelRequest, path: string): Promise<number> {
    const { roots } = this.#safePath;
    const { spec, format } = request;
    const source = await this.#engine.predict({ path, name: spec.path, roots, format });
    return this.#figure(request, source);
  }
}

/** Under what a model is remembered by all of its files. */
function filesKey(request: ModelRequest, source: ModelSource): string {
  // What was pulled is another file each time: the same place in a store counts as the same model.
  return request.location === undefined ? source.filesIdentity : storeKey(request);
}

/** Under what it is remembered by no more than a stat. */
function placeKey(request: ModelRequest, source: ModelSource): string {
  return request.location === undefined ? source.identity : storeKey(request);
}

function storeKey({ location }: ModelRequest): string {
  return JSON.stringify(location);
}

/** What `promise` resolves with, undefined if it rejects or takes longer than `limitMs`. */
async function inTime<Value>(promise: Promise<Value>, limitMs: number): Promise<Value | undefined> {
  const limit = new AbortController();
  const late = delay(limitMs, limit.signal).catch(() => {});
  const value = await Promise.race([promise.catch(() => undefined), late]);
  limit.abort();
  return value ?? undefined;
}

/** A file's size and identity; for a directory those of its `model.onnx`, the usual name. Anything else
 *  would take more than a stat. */
async function statModel(path: string): Promise<{ bytes: number; identity: string } | undefined> {
  try {
    let found = await stat(path, { bigint: true });
    if (found.isDirectory()) found = await stat(join(path, "model.onnx"), { bigint: true });
    if (!found.isFile()) return undefined;
    return { bytes: Number(found.size), identity: fileIdentity(found) };
  } catch {
    return undefined;
  }
}
