import { stat } from "node:fs/promises";
import { join } from "node:path";
import { delay } from "../abort.ts";
import type { Engine } from "../engine/engine.ts";
import { fileIdentity } from "../file-identity.ts";
import type { SafePath } from "../safe-path.ts";
import type { StorageLocation } from "../storage/storage-location.ts";
import type { ModelRecord } from "./model-record.ts";
import type { ModelRequest } from "./model-spec.ts";

/** ModelMesh counts in units of 8 KiB and forgets to clean up after a failed load of one unit. */
const leastBytes = 16 * 1024;
const maxRemembered = 20_000;
/** ModelMesh waits 500 ms for a prediction. */
const inspectLimitMs = 250;

export interface SizerOptions {
  readonly capacityBytes: number;
  readonly defaultModelBytes: number;
  /** Predicted bytes of memory per byte on disk; undefined leaves it to the engine. */
  readonly multiplier: number | undefined;
}

/** Predicts the memory of models that are not loaded: an upper bound from the structure of their file or
 *  what the same file needed the last time; where there is no file (yet), from what the caller's storage
 *  counted. */
export class ModelSizer {
  readonly #engine: Engine;
  readonly #safePath: SafePath;
  readonly #options: SizerOptions;
  /** Bytes by file identity, least recently used first. */
  readonly #needed = new Map<string, number>();

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
    const { capacityBytes, defaultModelBytes, multiplier } = this.#options;
    const onDisk = await this.#identify(request);
    const known = onDisk && this.#needed.get(onDisk.identity);
    const diskBytes = onDisk?.bytes ?? request.diskBytes;
    let bytes = known ?? (multiplier === undefined ? await this.#inspect(request) : undefined);
    if (known === undefined && bytes !== undefined) this.#note(onDisk?.identity, bytes);
    if (bytes === undefined && diskBytes !== undefined) {
      bytes =
        multiplier === undefined
          ? this.#engine.predictBytes(diskBytes, request.format)
          : Math.ceil(diskBytes * multiplier);
    }
    return Math.min(Math.max(bytes ?? defaultModelBytes, leastBytes), capacityBytes);
  }

  /** Keeps what a load of the model needed at most, for the next time that the same file is asked about. */
  remember(
    { request, source }: Pick<ModelRecord, "request" | "source">,
    neededBytes: number,
  ): void {
    const { location } = request;
    this.#note(location === undefined ? source?.identity : identityIn(location), neededBytes);
  }

  /** What a load would reserve. Undefined if the file is not here, or cannot be read now or soon enough:
   *  why, the load will say. */
  async #inspect(request: ModelRequest): Promise<number | undefined> {
    if (request.location !== undefined) return undefined;
    const limit = new AbortController();
    const inspected = this.#estimate(request).catch(() => undefined);
    const late = delay(inspectLimitMs, limit.signal).catch(() => undefined);
    const bytes = await Promise.race([inspected, late]);
    limit.abort();
    return bytes ?? undefined;
  }

  async #estimate({ spec, format }: ModelRequest): Promise<number> {
    const { roots } = this.#safePath;
    const place = { path: this.#safePath.resolve(spec.path), name: spec.path, roots, format };
    return (await this.#engine.inspect(await this.#engine.locate(place))).estimatedBytes;
  }

  #note(identity: string | undefined, bytes: number): void {
    if (identity === undefined) return;
    this.#needed.delete(identity);
    this.#needed.set(identity, bytes);
    if (this.#needed.size <= maxRemembered) return;
    const oldest = this.#needed.keys().next();
    if (!oldest.done) this.#needed.delete(oldest.value);
  }

  /** What is known of the model without opening it. */
  async #identify({
    spec,
    location,
  }: ModelRequest): Promise<{ bytes: number | undefined; identity: string } | undefined> {
    if (location === undefined) return await statModel(this.#safePath.resolve(spec.path));
    return { bytes: undefined, identity: identityIn(location) };
  }
}

/** To ask a store would take too long: the same place in it counts as the same model. */
function identityIn(location: StorageLocation): string {
  return JSON.stringify(location);
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
