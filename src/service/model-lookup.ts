import { RuntimeError } from "../base/errors.ts";
import { splitVersionedId, versionedId } from "./lifecycle/model-name.ts";
import type { ModelRecord } from "./lifecycle/model-record.ts";
import type { ModelRegistry } from "./lifecycle/model-registry.ts";

/** Finds the generation that a client means by a model's name and version. */
export class ModelLookup {
  readonly #registry: ModelRegistry;

  constructor(registry: ModelRegistry) {
    this.#registry = registry;
  }

  /** The generation to ask: one that serves, otherwise one that is loading, otherwise any. Version "" is the
   *  model without versions, or the highest version that serves. Undefined if there is none. */
  find(name: string, version: string): ModelRecord | undefined {
    // Most models have no versions, and every inference passes through here. Clients that have to name a
    // version send "1", Triton's name for the only version of a model that ModelMesh loads.
    if ((version === "" || version === "1") && this.#registry.versionsOf(name).length === 0) {
      return isInnerId(name) ? undefined : bestOf(this.#registry.generations(name));
    }
    return bestOf(this.recordIds(name, version).flatMap((id) => this.#registry.generations(id)));
  }

  /** A generation that serves. Throws "model-not-found" if no model has that name, "model-not-ready" if it is
   *  loading, "invalid-argument" if the model does not have the version: a wrong version must not make
   *  ModelMesh load the model again. */
  serving(name: string, version: string): ModelRecord {
    const record = this.find(name, version);
    if (record?.isServing) return record;
    if (record?.isComing) throw notReady(record);
    if (version !== "" && this.recordIds(name, "").length > 0) {
      const versions = this.#registry.versionsOf(name);
      const known = versions.length === 0 ? "it has no versions" : `it has ${versions.join(", ")}`;
      throw new RuntimeError(
        "invalid-argument",
        `version '${version}' of model '${name}' is not served: ${known}`,
      );
    }
    throw notFound(name);
  }

  /** Ids of the records that have generations: of one version, or with version "" of the whole model, lowest
   *  version first. */
  recordIds(name: string, version: string): string[] {
    if (isInnerId(name)) return [];
    const wanted = version === "" ? this.#registry.versionsOf(name) : [version];
    const ids = wanted.map((each) => versionedId(name, each));
    if (version === "") ids.push(name);
    return ids.filter((id) => this.#registry.newest(id) !== undefined);
  }
}

export function notFound(name: string): RuntimeError {
  return new RuntimeError("model-not-found", `model '${name}' is not loaded`);
}

export function notReady(record: ModelRecord): RuntimeError {
  return new RuntimeError(
    "model-not-ready",
    `model '${record.label}' cannot run yet: it is ${record.state.tag}`,
  );
}

// The id of a repository record, which no client can mean.
function isInnerId(name: string): boolean {
  return splitVersionedId(name).version !== "";
}

// The last match: the newest generation, of the highest version.
function bestOf(records: readonly ModelRecord[]): ModelRecord | undefined {
  return (
    records.findLast((record) => record.isServing) ??
    records.findLast((record) => record.isComing) ??
    records.at(-1)
  );
}
