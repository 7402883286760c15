import { createHash, randomUUID } from "node:crypto";
import { join } from "node:path";
import { describeError, RuntimeError } from "../base/errors.ts";
import type { PullSettings, StorageType } from "../config/pull-settings.ts";
import type { Logger } from "../observe/log.ts";
import { archiveOf } from "./archives/archive-names.ts";
import { openAzure } from "./azure-storage.ts";
import { StorageConfig } from "./config-folder.ts";
import type { StorageParameters } from "./contract/parameters.ts";
import type { RemoteListing, RemoteStorage } from "./contract/remote-storage.ts";
import { ObjectChangedError } from "./contract/store-errors.ts";
import { openGcs } from "./gcs-storage.ts";
import { openHub } from "./hub/hub-storage.ts";
import { findLocalArchive, openLocalArchive } from "./local-archive.ts";
import type { StorageLocation } from "./location.ts";
import { findInVolume } from "./mounted-volume.ts";
import { openRegistry } from "./oci/registry-storage.ts";
import { PullCache, type PullListener } from "./pull-cache.ts";
import { RetryPolicy } from "./retry.ts";
import { openS3 } from "./s3-storage.ts";
import { withSignature } from "./signed-object.ts";
import { openHttp } from "./web/http-storage.ts";

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
  /** The name of a signature of the archive that was unpacked, if there is one. It covers none of the files. */
  readonly archiveSignature?: string | undefined;
  /** Call it when the model no longer needs its files. Resolves when they are gone, unless others use them.
   *  Never rejects; idempotent. */
  release(): Promise<void>;
}

type OpenStorage = (
  parameters: StorageParameters,
  settings: PullSettings,
) => Promise<RemoteStorage>;

const openers: Readonly<Record<Exclude<StorageType, "pvc">, OpenStorage>> = {
  s3: (parameters, { idleTimeoutMs }) => openS3(parameters, idleTimeoutMs),
  gcs: (parameters, { idleTimeoutMs }) => openGcs(parameters, idleTimeoutMs),
  azure: (parameters, { idleTimeoutMs }) => openAzure(parameters, idleTimeoutMs),
  http: (parameters, { idleTimeoutMs }) => openHttp(parameters, idleTimeoutMs),
  hf: openHub,
  oci: openRegistry,
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
    const { path, localArchive } = location;
    if (localArchive !== undefined) {
      return await this.#takeStable(async () => openLocalArchive(localArchive), "", watch);
    }
    const parameters = await this.#config.resolve(location);
    watch.signal.throwIfAborted();
    const type = this.#typeOf(parameters);
    if (type === "pvc") return await this.#mount(parameters, path, watch);
    return await this.#takeStable(() => openers[type](parameters, this.#settings), path, watch);
  }

  /** Lists and copies again if the files changed in between. */
  async #takeStable(
    openStorage: () => Promise<RemoteStorage>,
    path: string,
    watch: PullListener,
  ): Promise<PulledModel> {
    for (let lists = 1; ; lists++) {
      try {
        return await this.#copy(await openStorage(), path, watch);
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

  async #mount(
    parameters: StorageParameters,
    path: string,
    watch: PullListener,
  ): Promise<PulledModel> {
    const root = this.#settings.volumesDirectory;
    const found = await findInVolume(parameters, path, root);
    const archive = await findLocalArchive(found, [root]);
    if (archive !== undefined) {
      return await this.#takeStable(async () => openLocalArchive(archive), "", watch);
    }
    const release = async () => {};
    return { path: found, root, origin: "pvc", sizeBytes: 0, isOwn: false, release };
  }

  async #copy(storage: RemoteStorage, path: string, watch: PullListener): Promise<PulledModel> {
    const { origin } = storage;
    const listed = await this.#list(storage, path, watch.signal).catch((error: unknown) => {
      storage.close();
      throw error;
    });
    const listing = withArchive(listed);
    const { isFolder, files, archiveSignature } = listing;
    const digest = identify(origin, path, listing);
    const cached = await this.#cache.acquire({ digest, files, storage }, watch);
    const { directory: root, sizeBytes, release } = cached;
    const local = isFolder ? root : join(root, files[0]?.name ?? "");
    return { path: local, root, origin, sizeBytes, isOwn: true, archiveSignature, release };
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

/** A model that is a single archive, signed or not, is what the archive holds. */
function withArchive(listing: RemoteListing): RemoteListing {
  const { files } = listing;
  const only = files.find(({ name }) => archiveOf(name) !== undefined);
  const archive = only === undefined ? undefined : archiveOf(only.name);
  if (only === undefined || archive === undefined || only.archive !== undefined) return listing;
  const archiveSignature = files.find(({ name }) => name === `${only.name}.sig`)?.name;
  if (files.length > (archiveSignature === undefined ? 1 : 2)) return listing;
  const rule = { format: archive.format, below: "", isLayer: false };
  return { isFolder: true, files: [{ ...only, archive: rule }], archiveSignature };
}

/** The same text for the same content in the same place; a unique one if that cannot be known. */
function identify(origin: string, path: string, { files }: RemoteListing): string {
  const isKnown = files.every(({ version }) => version !== undefined);
  const rows = files.map(({ key, name, sizeBytes, version }) => [key, name, sizeBytes, version]);
  const facts = JSON.stringify([origin, path, isKnown ? rows.sort() : randomUUID()]);
  return createHash("sha256").update(facts).digest("hex").slice(0, 32);
}
