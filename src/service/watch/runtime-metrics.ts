import type { RunMemory } from "../../engine/contract/engine.ts";
import type { HostCounts } from "../../engine/contract/host-counts.ts";
import type { SignatureCounts } from "../../signing/contract/signature-verdict.ts";
import type { ModelStateTag, RuntimeFigures } from "../contract/runtime-feed.ts";
import type { EmbeddingCacheFigures } from "../contract/text.ts";
import { type InferenceMetrics, otherModels } from "../counts/inference-metrics.ts";
import type { ModelSeries } from "../counts/model-series.ts";
import { splitVersionedId } from "../lifecycle/model-name.ts";
import type { ModelRegistry } from "../lifecycle/model-registry.ts";
import { heldBytes, modelStates } from "../lifecycle/model-state.ts";
import { LifecycleMetrics } from "./lifecycle-metrics.ts";

/** A model over all of its generations, or all models without counts of their own together. */
export interface ModelFigures {
  /** `otherModels` for the latter. */
  readonly name: string;
  /** "" if the model has no versions. */
  readonly version: string;
  readonly series: ModelSeries;
  /** Bytes of the budget, now. */
  heldBytes: number;
  /** Inferences in flight, and those of them that are not yet sent to the host. */
  inFlight: number;
  waitingRuns: number;
}

/** The counts of this runtime, for any exporter. */
export class RuntimeMetrics {
  readonly inference: InferenceMetrics;
  readonly lifecycle = new LifecycleMetrics();
  readonly hostCounts: HostCounts;
  /** Undefined: runs have no limit. */
  readonly runMemory: RunMemory | undefined;
  /** Undefined: embeddings are not kept. */
  readonly embeddings: EmbeddingCacheFigures | undefined;
  /** Undefined: signatures are not checked. */
  readonly signatures: SignatureCounts | undefined;
  readonly #registry: ModelRegistry;
  readonly #figures: () => RuntimeFigures;

  constructor(parts: {
    readonly registry: ModelRegistry;
    readonly hostCounts: HostCounts;
    readonly runMemory?: RunMemory | undefined;
    readonly embeddings?: EmbeddingCacheFigures | undefined;
    readonly signatures?: SignatureCounts | undefined;
    readonly figures: () => RuntimeFigures;
  }) {
    const { registry, hostCounts, runMemory, embeddings, signatures, figures } = parts;
    this.inference = registry.inference;
    this.hostCounts = hostCounts;
    this.runMemory = runMemory;
    this.embeddings = embeddings;
    this.signatures = signatures;
    this.#registry = registry;
    this.#figures = figures;
    registry.onChange((record) => {
      this.lifecycle.follow(record, !registry.generations(record.id).includes(record));
    });
  }

  /** The current values. */
  figures(): RuntimeFigures {
    return this.#figures();
  }

  modelsByState(): Readonly<Record<ModelStateTag, number>> {
    const counts = Object.fromEntries(modelStates.map((tag) => [tag, 0])) as Record<
      ModelStateTag,
      number
    >;
    for (const { state } of this.#registry.all()) counts[state.tag]++;
    return counts;
  }

  /** Models in memory, loading or being unloaded. The last one stands for those without counts of their own. */
  models(): ModelFigures[] {
    const none = { heldBytes: 0, inFlight: 0, waitingRuns: 0 };
    const byId = new Map<string, ModelFigures>();
    for (const [id, series] of this.inference.listed()) {
      byId.set(id, { ...splitVersionedId(id), series, ...none });
    }
    const other: ModelFigures = {
      name: otherModels,
      version: "",
      series: this.inference.other,
      ...none,
    };
    for (const { id, state, leases, loaded } of this.#registry.all()) {
      const figures = byId.get(id) ?? other;
      figures.heldBytes += heldBytes(state);
      figures.inFlight += leases.count;
      figures.waitingRuns += loaded?.waitingRuns ?? 0;
    }
    return [...byId.values(), other];
  }
}
