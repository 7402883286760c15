import { createHash, randomUUID } from "node:crypto";
import { join } from "node:path";
import { describeError, RuntimeError } from "../base/errors.ts";
import type { PullSettings, StorageType } from "../config/pull-settings.ts";
import type { Logger } from "../observe/log.ts";
import { openAzure } from "./azure-storage.ts";
import { StorageConfig } from "./config-folder.ts";
import { openGcs } from "./gcs-storage.ts";
import { openHttp } from "./http-storage.ts";
import type { StorageLocation } from "./location.ts";
import { findInVolume } from "./mounted-volume.ts";
import type { StorageParameters } from "./parameters.ts";
import { PullCache, type PullListener } from "./pull-cache.ts";
import type { RemoteListing, RemoteStorage } from "./remote-storage.ts";
import { RetryPolicy } from "./retry.ts";
import { openS3 } from "./s3-storage.ts";
import { withSignature } from "./signed-object.ts";
import { ObjectChangedError } from "./store-errors.ts";

/** A model on the local disk. */
export interface PulledModel {
  /** The absolute path of a file or a folder. */
  readonly path: string;
  /** The folder that links below the path must not lead out of. Absolute. */
  readonly root: string;
  /** The store's type and address. */
  readonly origin: string;
  /** Bytes that were pulled for it or shared with others; 0 if it is read in place. */
  readonly sizeBytes: number;
  /** Whether only this process can change the files. */
  readonly isOwn: boolean;
  /** Call it when the model no longer needs its files. Resolves when they are gone, unless others use them.
   *  Never rejects; idempotent. */
  release(): Promise<void>;
}

type OpenStorage = (parameters: StorageParameters, idleTimeoutMs: number) => Promise<RemoteStorage>;

const openers: Readonly<Record<Exclude<StorageType, "pvc">, OpenStorage>> = {
  s3: openS3,
  gcs: openGcs,
  azure: openAzure,
  http: openHttp,
};

/** How often a model is listed again because it changed meanwhile. */
const maxLists = 3;

/** Brings models from remote stores to the local disk, for as long as they are in use. */
export class ModelPuller {
  readonly #settings: PullSettings;
  readonly #config: StorageConfig;
  readonly #cache: PullCache;
  readonly #log: Logger;
  readonly #hasSignatures: boolean;

  /** `hasSignatures`: whether signatures are pulled too that lie beside files. Default: false. */
  constructor(settings: PullSettings, log: Logger, { hasSignatures = false } = {}) {
    this.#hasSignatures = hasSignatures;
    this.#settings = settings;
    this.#config = new StorageConfig(settings.configDirectory);
    this.#cache = new PullCache({ ...settings, log });
    this.#log = log;
  }

  /** Disk space that models take, present and reserved. */
  get reservedBytes(): number {
    return this.#cache.reservedBytes;
  }

  /** Removes what earlier processes left behind. Never rejects. */
  async removeLeftovers(): Promise<void> {
    try {
      await this.#cache.removeLeftovers();
    } catch (error) {
      this.#log.warn({ reason: describeError(error) }, "leftovers of earlier pulls not removed");
    }
  }

  /** Stops all pulls and removes all files. */
  close(): Promise<void> {
    return this.#cache.close(
      new RuntimeError("shutting-down", "the runtime is shutting down: no models are pulled"),
    );
  }

  /** Pulls the model at `location`, retries after transient faults until `watch.signal` aborts, and shares what
   *  others have pulled from the same place. Rejects when nothing of the attempt is left, with the signal's
   *  reason or a RuntimeError: "invalid-argument" (unusable parameters), "failed-precondition" (does not exist,
   *  no access), "over-budget" (the disk), "temporarily-unavailable". */
  async pull(location: StorageLocation, watch: PullListener): Promise<PulledModel> {
    const parameters = await this.#config.resolve(location);
    watch.signal.throwIfAborted();
    const type = this.#typeOf(parameters);
    if (type === "pvc") return await this.#mount(parameters, location.path);
    for (let lists = 1; ; lists++) {
      try {
        const storage = await openers[type](parameters, this.#settings.idleTimeoutMs);
        return await this.#copy(storage, location.path, watch);
      } catch (error) {
        if (!(error instanceof ObjectChangedError) || lists === maxLists) throw error;
        watch.signal.throwIfAborted();
      }
    }
  }

  #typeOf({ type }: StorageParameters): StorageType {
    const { types } = this.#settings;
    const known = types.find((each) => each === type || (each === "http" && type === "https"));
    if (known !== undefined) return known;
    throw new RuntimeError(
      "invalid-argument",
      `storage type '${type.slice(0, 100)}' is not enabled, expected one of PULL_TYPES: ${types.join(", ") || "none"}`,
    );
  }

  async #mount(parameters: StorageParameters, path: string): Promise<PulledModel> {
    const root = this.#settings.volumesDirectory;
    const found = await findInVolume(parameters, path, root);
    const release = async () => {};
    return { path: found, root, origin: "pvc", sizeBytes: 0, isOwn: false, release };
  }

  async #copy(storage: RemoteStorage, path: string, watch: PullListener): Promise<PulledModel> {
    const { origin } = storage;
    const listing = await this.#list(storage, path, watch.signal).catch((error: unknown) => {
      storage.close();
      throw error;
    });
    const { isFolder, files } = listing;
    const digest = identify(origin, path, listing);
    const cached = await this.#cache.acquire({ digest, files, storage }, watch);
    const { directory: root, sizeBytes, release } = cached;
    const local = isFolder ? root : join(root, files[0]?.name ?? "");
    return { path: local, root, origin, sizeBytes, isOwn: true, release };
  }

  async #list(storage: RemoteStorage, path: string, signal: AbortSignal): Promise<RemoteListing> {
    const retry = new RetryPolicy(signal, (reason) =>
      this.#log.warn(
        { origin: storage.origin, reason: describeError(reason) },
        "list attempt failed",
      ),
    );
    return await retry.run(`${storage.origin}/${path}`, async () => {
      const listing = await storage.list(path, signal);
      return this.#hasSignatures
        ? await withSignature(listing, { storage, path, signal })
        : listing;
    });
  }
}

/** The same text for the same content in the same place; a unique one if that cannot be known. */
function identify(origin: string, path: string, { files }: RemoteListing): string {
  const isKnown = files.every(({ version }) => version !== undefined);
  const rows = files.map(({ key, name, sizeBytes, version }) => [key, name, sizeBytes, version]);
  const facts = JSON.stringify([origin, path, isKnown ? rows.sort() : randomUUID()]);
  return createHash("sha256").update(facts).digest("hex").slice(0, 32);
}
