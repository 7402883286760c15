import type { TextFacts } from "../engine/contract/text-facts.ts";
import type { ModelConfig } from "./contract/model-config.ts";
import type { ModelDescription, ModelIndexEntry } from "./contract/models.ts";
import type { ModelStatistics } from "./contract/statistics.ts";
import type { ServingText } from "./contract/text.ts";
import { configOf } from "./described/config-of.ts";
import { describedOf } from "./described/described-of.ts";
import { splitVersionedId } from "./lifecycle/model-name.ts";
import type { ModelRecord } from "./lifecycle/model-record.ts";
import type { ModelRegistry } from "./lifecycle/model-registry.ts";
import { heldBytes } from "./lifecycle/model-state.ts";
import { indexOf } from "./model-index.ts";
import { type ModelLookup, notFound, notReady } from "./model-lookup.ts";
import { closedError, type RuntimePhase } from "./runtime-phase.ts";
import { textFactsOf } from "./text-facts-of.ts";

/** Read access to the known models. Changes nothing. */
export class ModelDirectory {
  readonly #registry: ModelRegistry;
  readonly #lookup: ModelLookup;
  readonly #phase: RuntimePhase;

  constructor(parts: {
    readonly registry: ModelRegistry;
    readonly lookup: ModelLookup;
    readonly phase: RuntimePhase;
  }) {
    this.#registry = parts.registry;
    this.#lookup = parts.lookup;
    this.#phase = parts.phase;
  }

  /** Like `ModelLookup.serving`, but throws "shutting-down" once the runtime is closed. */
  serving(id: string, version: string): ModelRecord {
    try {
      return this.#lookup.serving(id, version);
    } catch (error) {
      throw this.#phase.current === "closed" ? closedError() : error;
    }
  }

  /** As `serving`, for a call that has one name only: `named` is a model, or "model@version" with a version or its
   *  alias, where no model has that name itself. */
  servingNamed(named: string): ModelRecord {
    const at = named.lastIndexOf("@");
    if (at <= 0 || this.#lookup.find(named, "") !== undefined) return this.serving(named, "");
    const name = named.slice(0, at);
    return this.#registry.versionsOf(name).length === 0
      ? this.serving(named, "")
      : this.serving(name, named.slice(at + 1));
  }

  size(id: string): number {
    const { state } = this.serving(id, "");
    if (state.tag === "ready" || state.tag === "reloading") return state.sizeBytes;
    throw notFound(id);
  }

  isModelReady(id: string, version: string): boolean {
    return this.#lookup.find(id, version)?.state.tag === "ready";
  }

  describe(id: string, version: string): ModelDescription {
    const record = this.serving(id, version);
    if (record.loaded === undefined) throw notReady(record);
    const described = describedOf(record.loaded, record.settings);
    return { ...described, versions: this.#registry.versionsOf(id) };
  }

  /** `keepsVectors`: as for `configOf`. */
  config(id: string, version: string, facts: { readonly keepsVectors: boolean }): ModelConfig {
    const record = this.serving(id, version);
    const { loaded, source, settings, configuration } = record;
    if (loaded === undefined) throw notReady(record);
    const { policy } = this.#registry.versionNames.of(splitVersionedId(record.id).name);
    const config = configOf({ loaded, source, settings, configuration }, facts);
    return policy === undefined ? config : { ...config, versions: policy };
  }

  /** `missing`: other entries to list. */
  index(missing: readonly ModelIndexEntry[]): ModelIndexEntry[] {
    return indexOf(this.#registry.all(), missing);
  }

  statistics(id?: string, version?: string): ModelStatistics[] {
    let records = [...this.#registry.all()].filter((record) => record.isServing);
    if (id !== undefined) {
      const asked = this.serving(id, version ?? "");
      records = records.filter(({ id: recordId }) =>
        version === undefined ? splitVersionedId(recordId).name === id : recordId === asked.id,
      );
    }
    return records.map(statisticsOf);
  }

  /** By name; of a model with versions, the newest that was loaded. */
  servingTexts(): ServingText[] {
    const byName = new Map<string, TextFacts>();
    for (const record of this.#registry.all()) {
      const facts = record.isServing ? textFactsOf(record) : undefined;
      if (facts !== undefined) byName.set(splitVersionedId(record.id).name, facts);
    }
    return Array.from(byName, ([id, facts]) => ({ id, facts }));
  }

  get leaseCount(): number {
    let count = 0;
    for (const record of this.#registry.all()) count += record.leases.count;
    return count;
  }

  /** The process that holds a model; undefined if none does. */
  hostPidOf(id: string): number | undefined {
    return this.#lookup.find(id, "")?.loaded?.hostPid;
  }

  /** Ids that have any generation, loaded or not. */
  get modelIds(): string[] {
    return [...new Set([...this.#registry.all()].map((record) => record.id))];
  }

  /** Memory that models of the repository hold, or will hold: ModelMesh asks once, and counts with the rest
   *  from then on. */
  get pinnedBytes(): number {
    let sum = 0;
    for (const { pinned, state, predictedBytes } of this.#registry.all()) {
      if (pinned) sum += state.tag === "queued" ? predictedBytes : heldBytes(state);
    }
    return sum;
  }
}

function statisticsOf({ id, statistics, sizeBytes }: ModelRecord): ModelStatistics {
  const { lastInferenceMs, success, fail, runs } = statistics;
  return {
    ...splitVersionedId(id),
    lastInferenceMs,
    inferenceCount: runs.rows,
    executionCount: runs.runs,
    success,
    fail,
    ...runs.phases,
    batches: runs.batches,
    memoryBytes: sizeBytes,
  };
}
