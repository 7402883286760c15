import { compareVersions } from "../../models/served-versions.ts";
import { VersionNames } from "../../models/version-names.ts";
import { InferenceMetrics } from "../counts/inference-metrics.ts";
import { TrafficMeter } from "../counts/traffic-meter.ts";
import { HeldMemory } from "./held-memory.ts";
import { splitVersionedId, versionedId } from "./model-name.ts";
import { ModelRecord } from "./model-record.ts";
import type { ModelRequest } from "./model-spec.ts";

/** All generations of all models that hold, or may come to hold, any resource. */
export class ModelRegistry {
  /** The memory that all of them hold together. */
  readonly held = new HeldMemory();
  /** The inferences of all models, including models that are gone. */
  readonly traffic = new TrafficMeter();
  /** The same by duration and by model. */
  readonly inference: InferenceMetrics;
  /** What else versions are called. */
  readonly versionNames = new VersionNames();
  // Oldest generation first; an id without generations has no entry.
  readonly #byId = new Map<string, ModelRecord[]>();
  /** Name → its versions that have generations, lowest first. Names without versions are not in it. */
  readonly #versions = new Map<string, readonly string[]>();
  readonly #listeners = new Set<(record: ModelRecord) => void>();
  #lastGeneration = 0;

  /** `maxModels`: as for `InferenceMetrics`. */
  constructor(maxModels?: number) {
    this.inference = new InferenceMetrics(maxModels);
  }

  add(request: ModelRequest, pinned: boolean): ModelRecord {
    const generation = ++this.#lastGeneration;
    const { traffic } = this;
    const series = this.inference.acquire(request.spec.id);
    const record = new ModelRecord({ generation, request, pinned, traffic, series }, (changed) => {
      this.held.note(changed, changed.state);
      this.#publish(changed);
    });
    this.held.note(record, record.state);
    this.#byId.set(record.id, [...this.generations(record.id), record]);
    this.#noteVersions(record.id);
    this.#publish(record);
    return record;
  }

  /** Forgets a generation of which nothing is left. */
  remove(record: ModelRecord): void {
    const rest = this.generations(record.id).filter((other) => other !== record);
    if (rest.length === 0) this.#byId.delete(record.id);
    else this.#byId.set(record.id, rest);
    this.#noteVersions(record.id);
    this.held.note(record, undefined);
    this.inference.release(record.id);
    record.gone.resolve();
    this.#publish(record);
  }

  /** Oldest first. The array does not change when generations come and go. */
  generations(id: string): readonly ModelRecord[] {
    return this.#byId.get(id) ?? [];
  }

  /** Lowest first; empty for a model without versions. */
  versionsOf(name: string): readonly string[] {
    return this.#versions.get(name) ?? [];
  }

  newest(id: string): ModelRecord | undefined {
    return this.generations(id).at(-1);
  }

  *all(): IterableIterator<ModelRecord> {
    for (const generations of this.#byId.values()) yield* generations;
  }

  /** Calls `listener` after every state change and every removal; the returned function stops that. Listeners
   *  must not throw. */
  onChange(listener: (record: ModelRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #noteVersions(id: string): void {
    const { name, version } = splitVersionedId(id);
    if (version === "") return;
    const versions = new Set(this.versionsOf(name));
    if (this.#byId.has(versionedId(name, version))) versions.add(version);
    else versions.delete(version);
    if (versions.size === 0) this.#versions.delete(name);
    else this.#versions.set(name, [...versions].sort(compareVersions));
  }

  #publish(record: ModelRecord): void {
    for (const listener of this.#listeners) listener(record);
  }
}
