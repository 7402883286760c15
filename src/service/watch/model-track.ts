import { describeError } from "../../base/errors.ts";
import type { Joining } from "../../engine/contract/engine.ts";
import { describePolicy } from "../../models/version-choice.ts";
import type { VersionNames } from "../../models/version-names.ts";
import type { ModelRow, ModelStateTag, StateStep } from "../contract/runtime-feed.ts";
import { splitVersionedId } from "../lifecycle/model-name.ts";
import type { ModelRecord } from "../lifecycle/model-record.ts";
import { heldBytes, type ModelState } from "../lifecycle/model-state.ts";

/** Loads of one id, over all of its generations. */
export interface LoadCounts {
  loads: number;
  loadFailures: number;
}

const maxSteps = 20;

/** The history of one generation, beyond what its record still knows. */
export class ModelTrack {
  readonly record: ModelRecord;
  /** Shared by the generations of an id. */
  readonly counts: LoadCounts;
  readonly #names: VersionNames;
  readonly #steps: StateStep[] = [];
  #reportedBytes = 0;
  #measuredBytes: number | undefined;
  #loadMs = 0;
  #joining: Joining | undefined;

  constructor(record: ModelRecord, counts: LoadCounts, names: VersionNames) {
    this.record = record;
    this.counts = counts;
    this.#names = names;
  }

  get state(): ModelStateTag {
    return this.#steps.at(-1)?.state ?? "queued";
  }

  /** Whether the engine ever worked on it. */
  get wasTried(): boolean {
    return this.record.source !== undefined && this.#steps.some(({ state }) => state === "loading");
  }

  get wasReady(): boolean {
    return this.#loadMs > 0;
  }

  get label(): { readonly name: string; readonly version: string; readonly generation: number } {
    const { id, generation } = this.record;
    return { ...splitVersionedId(id), generation };
  }

  /** Records a state that the generation has entered, or in which it has ended. */
  step(state: ModelStateTag, reason: string): void {
    this.#steps.push({ state, timeMs: Date.now(), reason });
    if (this.#steps.length > maxSteps) this.#steps.shift();
    const { loaded, sizeBytes, createdAtMs } = this.record;
    if (state !== "ready" || loaded === undefined) return;
    this.#reportedBytes = sizeBytes;
    this.#measuredBytes = loaded.measuredBytes;
    this.#joining = loaded.joining;
    // Never 0, which means that it was not ready yet.
    if (this.#loadMs === 0) {
      this.#loadMs = Math.max(1, Math.round(performance.now() - createdAtMs));
    }
  }

  /** Whether a figure that changes without a state change may differ from `row`. */
  hasMoved(row: ModelRow): boolean {
    const { leases, statistics } = this.record;
    // Rates fall for as long as the window is not empty.
    const isQuiet = statistics.traffic.isQuiet && row.traffic.requestsPerSecond === 0;
    const hasChanged = leases.count !== row.leases || this.#newestJoining() !== row.joining;
    return !isQuiet || hasChanged || row.waitingRuns > 0;
  }

  row(): ModelRow {
    const { record, counts } = this;
    const { request, source, loaded, state } = record;
    const isOver = this.state === "failed";
    const { name, version } = this.label;
    const { policy } = this.#names.of(name);
    return {
      ...this.label,
      aliases: this.#names.aliasesOf(name, version),
      versionPolicy: policy === undefined ? "" : describePolicy(policy),
      type: request.spec.type,
      path: request.spec.path,
      format: source?.format ?? request.format ?? "",
      pinned: record.pinned,
      history: [...this.#steps],
      predictedBytes: record.predictedBytes,
      reportedBytes: this.#reportedBytes,
      measuredBytes: this.#measuredBytes,
      heldBytes: isOver ? 0 : heldBytes(state),
      hostPid: isOver ? undefined : loaded?.hostPid,
      loadMs: this.#loadMs,
      leases: record.leases.count,
      waitingRuns: loaded?.waitingRuns ?? 0,
      joining: this.#newestJoining(),
      signature: record.signature,
      loads: counts.loads,
      loadFailures: counts.loadFailures,
      traffic: record.statistics.traffic.figures(),
    };
  }

  /** Batching may be turned off at any time. */
  #newestJoining(): Joining | undefined {
    this.#joining = this.record.loaded?.joining ?? this.#joining;
    return this.#joining;
  }
}

/** The reason for a model's state, if it has one; otherwise "". */
export function reasonOf(state: ModelState): string {
  return "reason" in state ? describeError(state.reason) : "";
}
