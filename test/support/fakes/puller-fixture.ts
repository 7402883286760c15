import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PullSettings, storageTypes } from "../../../src/config/pull-settings.ts";
import { createLogger } from "../../../src/observe/log.ts";
import { readStorageLocation } from "../../../src/storage/location.ts";
import { ModelPuller, type PulledModel } from "../../../src/storage/model-puller.ts";
import type { PullProgress } from "../../../src/storage/pull-cache.ts";

/** A puller with folders of its own. */
export interface PullerFixture {
  readonly puller: ModelPuller;
  readonly folder: string;
  readonly settings: PullSettings;
  /** Writes a file of the storage configuration. */
  configure(key: string, config: object): Promise<void>;
  /** Pulls what a load with this path and modelKey means. */
  pull(path: string, key?: object, watch?: Partial<PullOptions>): Promise<PulledModel>;
  /** Names of everything below the folder for pulled models, without folders of processes. */
  left(): Promise<string[]>;
  close(): Promise<void>;
}

interface PullOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: PullProgress) => void;
}

export async function createPuller({
  hasSignatures = false,
  ...more
}: Partial<PullSettings> & { hasSignatures?: boolean } = {}): Promise<PullerFixture> {
  const folder = await mkdtemp(join(tmpdir(), "modelport-pull-"));
  const settings: PullSettings = {
    directory: join(folder, "pulled"),
    configDirectory: join(folder, "storage-config"),
    volumesDirectory: join(folder, "volumes"),
    limitBytes: 0,
    concurrency: 4,
    idleTimeoutMs: 2_000,
    types: storageTypes,
    unpackLimitBytes: 1024 ** 3,
    hubEndpoint: "http://127.0.0.1:9",
    hubToken: undefined,
    dockerConfigDirectory: undefined,
    ...more,
  };
  await mkdir(settings.configDirectory);
  await mkdir(settings.volumesDirectory);
  const puller = new ModelPuller(settings, createLogger("silent"), { hasSignatures });
  return {
    puller,
    folder,
    settings,
    configure: (key, config) =>
      writeFile(join(settings.configDirectory, key), JSON.stringify(config)),
    async pull(path, key = {}, watch = {}) {
      const location = readStorageLocation(path, { ...key }, "model 'm'");
      if (location === undefined) throw new Error(`${path} is local`);
      const { signal = new AbortController().signal, onProgress = () => {} } = watch;
      return await puller.pull(location, { signal, onProgress });
    },
    async left() {
      const names = await readdir(settings.directory, { recursive: true }).catch(() => []);
      return names.filter((name) => !/^process-[^/]*$/.test(name)).sort();
    },
    async close() {
      await puller.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The files below `folder`, by name, with slashes between folders. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
