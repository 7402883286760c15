import { RuntimeError } from "../../base/errors.ts";
import type { SafePath } from "../../base/files/safe-path.ts";
import type { RunSettings } from "../../config/run-settings.ts";
import type { Engine, ModelPlace, ModelSource } from "../../engine/contract/engine.ts";
import type { Logger } from "../../observe/log.ts";
import { findLocalArchive } from "../../storage/local-archive.ts";
import type { StorageLocation } from "../../storage/location.ts";
import type { ModelPuller } from "../../storage/model-puller.ts";
import {
  type CheckParts,
  type PlaceOrigin,
  SignatureCheck,
} from "../signatures/signature-check.ts";
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
    const { path, roots, isOwn, archiveSignature } =
      location === undefined
        ? await this.#findLocal(record, safePath.resolve(spec.path))
        : await this.#pull(record, location);
    const place = { path, name: spec.path, roots, format };
    const model = await engine.locate(
      await this.#checked(record, place, { isOwn, archiveSignature }),
    );
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
    if (localArchive === undefined)
      return { path, roots, isOwn: false, archiveSignature: undefined };
    return await this.#pull(record, { path, storageKey: undefined, parameters: {}, localArchive });
  }

  /** Where to read the model from: a copy that was checked, if signatures are. */
  async #checked(record: ModelRecord, place: ModelPlace, origin: PlaceOrigin): Promise<ModelPlace> {
    const { signing, engine, log } = this.#parts;
    if (signing === undefined) return place;
    record.check = new SignatureCheck(record, {
      signing,
      engine,
      log,
      facts: recordFacts(record),
    });
    return await record.check.place(place, origin);
  }

  /** Resolves with the model's location on the local disk, the folder that its links must stay in, and whether only
   *  this process can change it. */
  async #pull(
    record: ModelRecord,
    location: StorageLocation,
  ): Promise<PlaceOrigin & { readonly path: string; readonly roots: readonly string[] }> {
    const { puller } = this.#parts;
    if (puller === undefined) {
      throw new RuntimeError(
        "failed-precondition",
        "this runtime does not pull models from stores",
      );
    }
    const pull = new ModelPull(puller, location, { signal: record.signal });
    record.pull = pull;
    const { path, root, origin, sizeBytes, isOwn, archiveSignature } = await record.times.measure(
      "pull",
      () => pull.pulled,
    );
    const pullMs = record.times.durationMs("pull");
    this.#parts.log.info(
      { ...recordFacts(record), origin, diskBytes: sizeBytes, pullMs },
      "model pulled",
    );
    return { path, roots: [root], isOwn, archiveSignature };
  }
}
