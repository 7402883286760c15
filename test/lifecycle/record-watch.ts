import type { CancelSignal } from "../../src/base/cancel-signal.ts";
import type { ModelStateTag } from "../../src/service/contract/runtime-feed.ts";
import { labelOf } from "../../src/service/lifecycle/model-name.ts";
import type { ModelRecord } from "../../src/service/lifecycle/model-record.ts";
import { ModelRegistry } from "../../src/service/lifecycle/model-registry.ts";
import type { ModelState } from "../../src/service/lifecycle/model-state.ts";
import type { Violations } from "./violation.ts";

export type Station = ModelStateTag | "new" | "removed";

/** Every legal step, written down a second time on purpose: a step that somebody adds to the table of the
 *  runtime must be added here as well. */
const legalSteps: Readonly<Record<Station, readonly Station[]>> = {
  new: ["queued"],
  queued: ["loading", "failed"],
  loading: ["ready", "unloading", "failed"],
  ready: ["draining", "reloading"],
  reloading: ["ready", "unloading", "failed"],
  draining: ["unloading"],
  unloading: ["removed"],
  failed: ["removed"],
  removed: [],
};

/** What was seen of one generation. */
export interface Watched {
  readonly record: ModelRecord;
  readonly name: string;
  station: Station;
  hasBeenReady: boolean;
  /** Its size when it was first ready. */
  toldBytes: number | undefined;
  /** When it last began to load, or to load again. */
  loadSinceMs: number;
  /** When it made its last step: events between which promises did not react to the end count as one. */
  stationEvent: number;
  /** Of the callers of loadModel whose answer hangs on it. */
  readonly callers: Set<CancelSignal>;
  /** When it began to drain, and how long its runs were promised. */
  drain: { readonly sinceMs: number; readonly limitMs: number } | undefined;
}

export interface WatchOptions {
  readonly violations: Violations;
  readonly nowMs: () => number;
  /** Counts how often promises have reacted to the end. */
  readonly event: () => number;
  /** How long a generation that begins to drain in this moment has. */
  readonly drainMs: () => number;
  /** Called after each step of any generation, which was at `from` before. */
  readonly onStep: (watched: Watched, from: Station) => void;
}

/** Follows every generation from its first state to its removal. */
export class RecordWatch {
  readonly #options: WatchOptions;
  readonly #bySignal = new Map<CancelSignal, Watched>();
  #registry: ModelRegistry | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Calls `make`, which builds a manager, and follows the registry that it builds for itself. */
  follow<Manager>(make: () => Manager): Manager {
    const { onChange } = ModelRegistry.prototype;
    const capture = (registry: ModelRegistry) => {
      this.#registry = registry;
    };
    ModelRegistry.prototype.onChange = function (listener) {
      capture(this);
      return onChange.call(this, listener);
    };
    let manager: Manager;
    try {
      manager = make();
    } finally {
      ModelRegistry.prototype.onChange = onChange;
    }
    this.registry.onChange((record) => this.#step(record));
    return manager;
  }

  get registry(): ModelRegistry {
    if (this.#registry === undefined) throw new Error("no manager has been followed");
    return this.#registry;
  }

  /** Everything that was ever seen. */
  get all(): readonly Watched[] {
    return [...this.#bySignal.values()];
  }

  /** What is in the registry. */
  *present(): IterableIterator<Watched> {
    for (const record of this.registry.all()) {
      const watched = this.of(record.signal);
      if (watched !== undefined) yield watched;
    }
  }

  of(signal: CancelSignal): Watched | undefined {
    return this.#bySignal.get(signal);
  }

  #step(record: ModelRecord): void {
    const watched = this.#watched(record);
    const isPresent = this.registry.generations(record.id).includes(record);
    const to = isPresent ? record.state.tag : "removed";
    const from = watched.station;
    watched.station = to;
    watched.stationEvent = this.#options.event();
    this.#options.violations.expect(
      legalSteps[from].includes(to),
      "only steps of the table are made",
      () => `${watched.name} went from ${from} to ${to}`,
    );
    if (to === "ready") watched.hasBeenReady = true;
    if (to === "queued" || to === "reloading") watched.loadSinceMs = this.#options.nowMs();
    if (to === "draining") {
      watched.drain = { sinceMs: this.#options.nowMs(), limitMs: this.#options.drainMs() };
    }
    this.#options.onStep(watched, from);
  }

  #watched(record: ModelRecord): Watched {
    const known = this.#bySignal.get(record.signal);
    if (known !== undefined) return known;
    const fresh: Watched = {
      record,
      name: `${labelOf(record.id)}#${record.generation}`,
      station: "new",
      hasBeenReady: false,
      toldBytes: undefined,
      loadSinceMs: 0,
      stationEvent: 0,
      callers: new Set(),
      drain: undefined,
    };
    this.#bySignal.set(record.signal, fresh);
    return fresh;
  }
}

/** Bytes that a state takes of the budget, read off its data and not off the runtime's own rule. */
export function bookedBytes(state: ModelState): number {
  if ("reservedBytes" in state) return state.reservedBytes;
  if ("sizeBytes" in state) return state.sizeBytes;
  return "heldBytes" in state ? state.heldBytes : 0;
}
