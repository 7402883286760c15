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
   *  model without versions, or the highest version that serves; an alias of a version is that version. Undefined if
   *  there is none. */
  find(name: string, version: string): ModelRecord | undefined {
    // Most models have no versions, and every inference passes through here. Clients that have to name a
    // version send "1", Triton's name for the only version of a model that ModelMesh loads.
    if ((version === "" || version === "1") && this.#registry.versionsOf(name).length === 0) {
      return isInnerId(name) ? undefined : bestOf(this.#registry.generations(name));
    }
    const meant = version === "" ? "" : this.#registry.versionNames.resolve(name, version);
    return bestOf(this.recordIds(name, meant).flatMap((id) => this.#registry.generations(id)));
  }

  /** A generation that serves. Throws "model-not-found" if no model has that name, "model-not-ready" if it is
   *  loading, "invalid-argument" if the model does not have the version: a wrong version must not make
   *  ModelMesh load the model again. */
  serving(name: string, version: string): ModelRecord {
    const record = this.find(name, version);
    if (record?.isServing) return record;
    if (record?.isComing) throw notReady(record);
    if (version !== "" && this.recordIds(name, "").length > 0) {
      throw this.#notServed(name, version);
    }
    throw notFound(name);
  }

  #notServed(name: string, version: string): RuntimeError {
    const { versionNames } = this.#registry;
    const meant = versionNames.resolve(name, version);
    const shown = meant === version ? `'${version}'` : `'${version}' (${meant})`;
    const versions = this.#registry.versionsOf(name).map((each) => {
      const aliases = versionNames.aliasesOf(name, each);
      return aliases.length === 0 ? each : `${each} (${aliases.join(", ")})`;
    });
    const known = versions.length === 0 ? "it has no versions" : `it has ${versions.join(", ")}`;
    return new RuntimeError(
      "invalid-argument",
      `version ${shown} of model '${name}' is not served: ${known}`,
    );
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
