import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type {
  Delta,
  Event,
  ModelStatus,
  RuntimeState,
  Snapshot,
  WatchResponse,
} from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import { TrafficHistory } from "./traffic-history.ts";

/** The number of events that the page keeps. */
const maxEvents = 1000;

/** The runtime as the page knows it: one snapshot with every later change applied. */
export class RuntimeStore {
  readonly runtime: Signal<RuntimeState | undefined> = signal(undefined);
  readonly mayChangeModels: Signal<boolean> = signal(false);
  /** Whether a token could change that. */
  readonly takesTokens: Signal<boolean> = signal(false);
  /** Latest first. */
  readonly events: Signal<readonly Event[]> = signal([]);
  readonly #models = new Map<bigint, ModelStatus>();
  readonly #modelsRevision = signal(0);
  /** By generation, oldest first. A new array after each change. */
  readonly models: ReadonlySignal<readonly ModelStatus[]> = computed(() => {
    this.#modelsRevision.value;
    return [...this.#models.values()];
  });
  readonly history: TrafficHistory = new TrafficHistory();

  /** Applies a message of the stream; messages must come in order. */
  apply(message: WatchResponse): void {
    batch(() => {
      const { update, caller } = message;
      if (update.case === "snapshot") this.#replace(update.value);
      if (update.case === "delta") this.#change(update.value);
      if (caller === undefined) return;
      this.mayChangeModels.value = caller.mayChangeModels;
      this.takesTokens.value = caller.takesTokens;
    });
  }

  #replace({ runtime, models, events }: Snapshot): void {
    // After a restart, generations start again and mean other models.
    if (this.runtime.value?.startedMs !== runtime?.startedMs) this.history.clear();
    this.#models.clear();
    for (const model of models) this.#models.set(model.generation, model);
    this.#modelsRevision.value++;
    this.events.value = events.toReversed();
    this.#take(runtime);
  }

  #change({ runtime, models, removedGenerations, events }: Delta): void {
    for (const model of models) this.#models.set(model.generation, model);
    for (const generation of removedGenerations) {
      this.#models.delete(generation);
      this.history.forget(generation);
    }
    if (models.length + removedGenerations.length > 0) this.#modelsRevision.value++;
    if (events.length > 0) {
      this.events.value = [...events.toReversed(), ...this.events.value].slice(0, maxEvents);
    }
    this.#take(runtime);
  }

  #take(runtime: RuntimeState | undefined): void {
    if (runtime === undefined) return;
    this.runtime.value = runtime;
    this.history.sample(runtime, this.#models.values());
  }
}
