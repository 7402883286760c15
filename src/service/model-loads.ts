import { abortable } from "../base/abort.ts";
import type { CancelSignal } from "../base/cancel-signal.ts";
import { RuntimeError } from "../base/errors.ts";
import type { Engine } from "../engine/contract/engine.ts";
import type { VersionNames } from "../models/version-names.ts";
import type { ModelSize, ModelSpec } from "./contract/models.ts";
import type { ModelLifecycle } from "./lifecycle/model-lifecycle.ts";
import { labelOf } from "./lifecycle/model-name.ts";
import type { ModelRecord } from "./lifecycle/model-record.ts";
import type { ModelRegistry } from "./lifecycle/model-registry.ts";
import { isSameSpec, readModelSpec } from "./lifecycle/model-spec.ts";
import type { RepositoryOwner } from "./local-repository.ts";
import type { ModelLookup } from "./model-lookup.ts";
import type { RuntimePhase } from "./runtime-phase.ts";

interface Parts {
  readonly engine: Engine;
  readonly registry: ModelRegistry;
  readonly lookup: ModelLookup;
  readonly lifecycle: ModelLifecycle;
  readonly phase: RuntimePhase;
  /** How long inferences in flight may continue when their model is unloaded. */
  readonly drainTimeoutMs: number;
}

/** Loads and unloads: which generations a call means, who waits for them, and when no one does any more. */
export class ModelLoads implements RepositoryOwner {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Joins a load of the same spec. The signal ends the wait; the load ends when no one waits for it any more. */
  async load(spec: ModelSpec, signal: CancelSignal): Promise<ModelSize> {
    return await this.#load(spec, signal, { isPinned: false, isBeside: false });
  }

  async loadPinned(spec: ModelSpec, signal: CancelSignal, isBeside: boolean): Promise<ModelSize> {
    return await this.#load(spec, signal, { isPinned: true, isBeside });
  }

  isServing(id: string): boolean {
    return this.#parts.registry.generations(id).some((record) => record.isServing);
  }

  get versionNames(): VersionNames {
    return this.#parts.registry.versionNames;
  }

  async unloadRecord(id: string): Promise<void> {
    await this.unloadRecords([id]);
  }

  recordIdsOf(name: string): readonly string[] {
    return this.#parts.lookup.recordIds(name, "");
  }

  async unloadRecords(ids: readonly string[]): Promise<void> {
    const records = ids.flatMap((id) => this.#parts.registry.generations(id));
    const reason = () =>
      cancelled(`model '${labelOf(ids[0] ?? "")}' was unloaded while it was loading`);
    await this.retireAll(records, reason, this.#parts.drainTimeoutMs);
  }

  /** Resolves when the memory of all of them is free. `reason`: the error that their loads fail with. */
  async retireAll(
    records: readonly ModelRecord[],
    reason: () => RuntimeError,
    drainMs: number,
  ): Promise<void> {
    const { lifecycle } = this.#parts;
    await Promise.all(records.map((record) => lifecycle.retire(record, reason, drainMs)));
  }

  async #load(
    spec: ModelSpec,
    signal: CancelSignal,
    { isPinned, isBeside }: { readonly isPinned: boolean; readonly isBeside: boolean },
  ): Promise<ModelSize> {
    signal.throwIfAborted();
    const { engine, registry, lifecycle, phase } = this.#parts;
    phase.throwIfClosed();
    const newest = registry.newest(spec.id);
    const joins = newest !== undefined && isSameSpec(newest.request.spec, spec);
    if (joins && (newest.isComing || newest.isServing)) return await this.#wait(newest, signal);
    const request = readModelSpec(spec, (format) => engine.knowsFormat(format));
    const predecessors = registry.generations(spec.id);
    const record = registry.add(request, isPinned);
    void lifecycle.start(record, predecessors, isBeside);
    return await this.#wait(record, signal);
  }

  /** Waits for a load together with others; the last one to give up stops it. */
  async #wait(record: ModelRecord, signal: CancelSignal): Promise<ModelSize> {
    record.waiterCount++;
    try {
      await abortable(record.firstReady.promise, signal);
      await abortable(record.whenRunning(), signal);
      return { sizeBytes: record.sizeBytes, maxConcurrency: record.settings.maxConcurrency };
    } finally {
      record.waiterCount--;
      if (record.waiterCount === 0 && record.isComing) {
        const reason = () => cancelled(`the client cancelled the load of model '${record.label}'`);
        void this.#parts.lifecycle.retire(record, reason, 0);
      }
    }
  }
}

export function cancelled(message: string): RuntimeError {
  return new RuntimeError("cancelled", message);
}
