import { stat } from "node:fs/promises";
import { join } from "node:path";
import { delay } from "../../base/abort.ts";
import { fileIdentity } from "../../base/files/file-identity.ts";
import type { SafePath } from "../../base/files/safe-path.ts";
import type { Engine, ModelSource } from "../../engine/contract/engine.ts";
import { RecentMap } from "../counts/recent-map.ts";
import type { ModelRequest } from "./model-spec.ts";

/** ModelMesh counts in units of 8 KiB, and does not clean up after a failed load of one unit. */
const leastBytes = 16 * 1024;
const maxRemembered = 20_000;
/** ModelMesh waits 500 ms for a prediction, and everything that waits for the model waits with it. */
const defaultInspectLimitMs = 25;
/** A stat that takes longer means that the disk does not respond. */
const statPatienceMs = 5;
/** Measurements of the same model vary by this much: 10 % either side of what its file says. */
const sameShare = 0.2;

export interface SizerOptions {
  readonly capacityBytes: number;
  readonly defaultModelBytes: number;
  /** Predicted bytes of memory per byte on disk; undefined: the engine decides. */
  readonly multiplier: number | undefined;
  /** How long a prediction waits for an inspection of the file. Default: 25. */
  readonly inspectLimitMs?: number;
}

/** The measured size of a model. */
interface Measured {
  readonly bytes: number;
  /** Of its files on disk. */
  readonly diskBytes: number;
  /** Whether a shared host could not hold it. */
  readonly needsOwnHost: boolean;
}

/** The parts of a record by which its size is remembered. */
interface LoadedFiles {
  readonly request: ModelRequest;
  readonly source: ModelSource | undefined;
  /** A shared host could not hold it. */
  readonly needsOwnHost: boolean;
}

/** The only source of model sizes: a model's load reserves exactly what is predicted for it, whichever setting,
 *  file inspection or earlier load the figure comes from. */
export class ModelSizer {
  readonly #engine: Engine;
  readonly #safePath: SafePath;
  readonly #options: SizerOptions;
  /** By the identity of all files of a model, or by its address in a store. */
  readonly #measured = new RecentMap<Measured>(maxRemembered);
  /** By the identity of a model's own file: the latest size, for when there is no time to look at the other
   *  files. */
  readonly #latest = new RecentMap<number>(maxRemembered);
  /** By the same, or by an address in a store: the size that was predicted from the bytes on disk alone. */
  readonly #promised = new RecentMap<number>(maxRemembered);

  constructor(engine: Engine, safePath: SafePath, options: SizerOptions) {
    this.#engine = engine;
    this.#safePath = safePath;
    this.#options = options;
  }

  /** The prediction for an unknown model. */
  get defaultBytes(): number {
    const { capacityBytes, defaultModelBytes } = this.#options;
    return Math.min(Math.max(defaultModelBytes, leastBytes), capacityBytes);
  }

  /** Bytes, from 16 KiB to the capacity. A path that does not exist (yet) is not an error. */
  async predict(request: ModelRequest): Promise<number> {
    const bytes =
      request.location === undefined ? await this.#ofFile(request) : this.#ofStored(request);
    return this.#clamp(Math.max(bytes ?? this.#options.defaultModelBytes, leastBytes));
  }

  /** The bytes that the load of a model should reserve: its prediction without the 16 KiB minimum, or more than the
   *  capacity if it clearly needs that much. */
  reservation(request: ModelRequest, source: ModelSource): number {
    const known = this.#known(request, source);
    const certainBytes = known?.bytes ?? source.leastBytes;
    if (certainBytes > this.#options.capacityBytes) {
      return known?.bytes ?? Math.max(source.estimatedBytes, certainBytes);
    }
    const figure = this.#clamp(this.#figure(request, source));
    if (known !== undefined) return figure;
    // A client that was told less has made only that much room: the load is measured anyway.
    const promised =
      this.#promised.get(placeKey(request, source)) ?? this.#promised.get(request.spec.path);
    return promised === undefined ? figure : Math.min(figure, this.#clamp(promised));
  }

  /** Whether the same model needed a host of its own. */
  needsOwnHost(request: ModelRequest, source: ModelSource): boolean {
    return this.#known(request, source)?.needsOwnHost === true;
  }

  /** The size of a loaded and measured model, in bytes: the size of the same model's earlier load, unless they
   *  differ by more than measurements vary. Copies thus have one size, and earlier replies stay true. */
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

  /** The measurement of these very files, as far as they can be identified. */
  #known(request: ModelRequest, source: ModelSource): Measured | undefined {
    const known = this.#measured.get(filesKey(request, source));
    return known?.diskBytes === source.diskBytes ? known : undefined;
  }

  #clamp(bytes: number): number {
    return Math.min(Math.ceil(bytes), this.#options.capacityBytes);
  }

  /** For a model whose files have been seen. */
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

  /** From its size on disk alone, which is then kept as a promise. */
  #promise(key: string, diskBytes: number, format: string | undefined): number {
    const { multiplier } = this.#options;
    const bytes =
      multiplier === undefined
        ? this.#engine.predictBytes(diskBytes, format)
        : diskBytes * multiplier;
    this.#promised.set(key, bytes);
    return bytes;
  }

  /** Asking a store would take too long. */
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
    // No model, or not inspected in time: the load will report why.
    const onDisk = await inTime(stats, statPatienceMs);
    const key = onDisk?.identity ?? request.spec.path;
    const known = this.#latest.get(key);
    const diskBytes = onDisk?.bytes ?? request.diskBytes;
    if (known !== undefined || diskBytes === undefined) return known;
    return this.#promise(key, diskBytes, request.format ?? onDisk?.format);
  }

  async #inspect(request: ModelRequest, path: string): Promise<number> {
    const { roots } = this.#safePath;
    const { spec, format } = request;
    const source = await this.#engine.predict({ path, name: spec.path, roots, format });
    return this.#figure(request, source);
  }
}

/** The key by which a model is remembered, from all of its files. */
function filesKey(request: ModelRequest, source: ModelSource): string {
  // Pulled files are new files each time: the same address in a store counts as the same model.
  return request.location === undefined ? source.filesIdentity : storeKey(request);
}

/** The key by which it is remembered, from a stat alone. */
function placeKey(request: ModelRequest, source: ModelSource): string {
  return request.location === undefined ? source.identity : storeKey(request);
}

function storeKey({ location }: ModelRequest): string {
  return JSON.stringify(location);
}

/** The value of `promise`, or undefined if it rejects or takes longer than `limitMs`. */
async function inTime<Value>(promise: Promise<Value>, limitMs: number): Promise<Value | undefined> {
  const limit = new AbortController();
  const late = delay(limitMs, limit.signal).catch(() => {});
  const value = await Promise.race([promise.catch(() => undefined), late]);
  limit.abort();
  return value ?? undefined;
}

interface ModelOnDisk {
  readonly bytes: number;
  readonly identity: string;
  /** If it is known from the names of files. */
  readonly format?: string;
}

const textFormat = "huggingface";

/** A file's size and identity; for a directory those of its `model.onnx`, the usual name, or its own identity and the
 *  size of its `model.safetensors`. Anything else would take more than two stats. */
async function statModel(path: string): Promise<ModelOnDisk | undefined> {
  const sizeOf = async (name: string) => {
    const found = await stat(join(path, name), { bigint: true }).catch(() => undefined);
    return found?.isFile() === true ? found : undefined;
  };
  try {
    const found = await stat(path, { bigint: true });
    if (found.isFile()) return { bytes: Number(found.size), identity: fileIdentity(found) };
    if (!found.isDirectory()) return undefined;
    const onnx = await sizeOf("model.onnx");
    if (onnx !== undefined) return { bytes: Number(onnx.size), identity: fileIdentity(onnx) };
    const weights = await sizeOf("model.safetensors");
    const bytes = Number(weights?.size);
    return weights && { bytes, identity: fileIdentity(found), format: textFormat };
  } catch {
    return undefined;
  }
}
