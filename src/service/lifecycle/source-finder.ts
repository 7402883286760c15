import { RuntimeError } from "../../base/errors.ts";
import type { SafePath } from "../../base/files/safe-path.ts";
import type { RunSettings } from "../../config/run-settings.ts";
import type { Engine, ModelSource } from "../../engine/contract/engine.ts";
import type { Logger } from "../../observe/log.ts";
import { findLocalArchive } from "../../storage/local-archive.ts";
import type { StorageLocation } from "../../storage/location.ts";
import type { ModelPuller } from "../../storage/model-puller.ts";
import { configureModel } from "./configure-model.ts";
import { IgnoredFields } from "./ignored-fields.ts";
import { ModelPull } from "./model-pull.ts";
import type { ModelRecord } from "./model-record.ts";
import { recordFacts } from "./record-facts.ts";

export interface SourceParts {
  readonly engine: Pick<Engine, "locate" | "inspect">;
  readonly safePath: SafePath;
  /** Undefined if models in stores cannot be loaded. */
  readonly puller: Pick<ModelPuller, "pull"> | undefined;
  readonly log: Logger;
  /** For settings that neither a model's files nor its key have. */
  readonly defaultSettings: RunSettings;
}

/** Finds what a load asks for on the local disk, where it is pulled to first if it lies in a store. */
export class SourceFinder {
  readonly #parts: SourceParts;
  readonly #ignoredFields: IgnoredFields;

  constructor(parts: SourceParts) {
    this.#parts = parts;
    this.#ignoredFields = new IgnoredFields(parts.log);
  }

  /** Also gives the record its pull and its settings. Rejects with the reason for the client. */
  async find(record: ModelRecord): Promise<ModelSource> {
    const { engine, safePath } = this.#parts;
    const { spec, format, location } = record.request;
    const { path, roots } =
      location === undefined
        ? await this.#findLocal(record, safePath.resolve(spec.path))
        : await this.#pull(record, location);
    const model = await engine.locate({ path, name: spec.path, roots, format });
    await configureModel(record, model, {
      defaultSettings: this.#parts.defaultSettings,
      ignoredFields: this.#ignoredFields,
      facts: recordFacts(record),
    });
    return await engine.inspect(model, record.settings);
  }

  /** A local archive is unpacked like one that was pulled. */
  async #findLocal(record: ModelRecord, path: string) {
    const { roots } = this.#parts.safePath;
    const localArchive = await findLocalArchive(path, roots);
    if (localArchive === undefined) return { path, roots };
    return await this.#pull(record, { path, storageKey: undefined, parameters: {}, localArchive });
  }

  /** Resolves with the model's location on the local disk, and the folder that its links must stay in. */
  async #pull(
    record: ModelRecord,
    location: StorageLocation,
  ): Promise<{ readonly path: string; readonly roots: readonly string[] }> {
    const { puller } = this.#parts;
    if (puller === undefined) {
      throw new RuntimeError(
        "failed-precondition",
        "this runtime does not pull models from stores",
      );
    }
    const pull = new ModelPull(puller, location, { signal: record.signal });
    record.pull = pull;
    const { path, root, origin, sizeBytes } = await record.times.measure("pull", () => pull.pulled);
    const pullMs = record.times.durationMs("pull");
    this.#parts.log.info(
      { ...recordFacts(record), origin, diskBytes: sizeBytes, pullMs },
      "model pulled",
    );
    return { path, roots: [root] };
  }
}
