import { RuntimeError } from "../../base/errors.ts";
import type { SafePath } from "../../base/files/safe-path.ts";
import type { RunSettings } from "../../config/run-settings.ts";
import type { Engine, ModelPlace, ModelSource } from "../../engine/contract/engine.ts";
import type { Logger } from "../../observe/log.ts";
import type { StorageLocation } from "../../storage/location.ts";
import type { ModelPuller } from "../../storage/model-puller.ts";
import { type CheckParts, SignatureCheck } from "../signatures/signature-check.ts";
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
  /** Undefined: signatures are not checked. */
  readonly signing?: CheckParts["signing"] | undefined;
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
    const { path, roots, isOwn } =
      location === undefined
        ? { path: safePath.resolve(spec.path), roots: safePath.roots, isOwn: false }
        : await this.#pull(record, location);
    const place = { path, name: spec.path, roots, format };
    const model = await engine.locate(await this.#checked(record, place, isOwn));
    await configureModel(record, model, {
      defaultSettings: this.#parts.defaultSettings,
      ignoredFields: this.#ignoredFields,
      facts: recordFacts(record),
    });
    return await engine.inspect(model, record.settings);
  }

  /** Where to read the model from: a copy that was checked, if signatures are. */
  async #checked(record: ModelRecord, place: ModelPlace, isOwn: boolean): Promise<ModelPlace> {
    const { signing, engine, log } = this.#parts;
    if (signing === undefined) return place;
    record.check = new SignatureCheck(record, {
      signing,
      engine,
      log,
      facts: recordFacts(record),
    });
    return await record.check.place(place, isOwn);
  }

  /** Resolves with the model's location on the local disk, the folder that its links must stay in, and whether only
   *  this process can change it. */
  async #pull(
    record: ModelRecord,
    location: StorageLocation,
  ): Promise<{
    readonly path: string;
    readonly roots: readonly string[];
    readonly isOwn: boolean;
  }> {
    const { puller } = this.#parts;
    if (puller === undefined) {
      throw new RuntimeError(
        "failed-precondition",
        "this runtime does not pull models from stores",
      );
    }
    const pull = new ModelPull(puller, location, { signal: record.signal });
    record.pull = pull;
    const { path, root, origin, sizeBytes, isOwn } = await record.times.measure(
      "pull",
      () => pull.pulled,
    );
    const pullMs = record.times.durationMs("pull");
    this.#parts.log.info(
      { ...recordFacts(record), origin, diskBytes: sizeBytes, pullMs },
      "model pulled",
    );
    return { path, roots: [root], isOwn };
  }
}
