import {
  type Event,
  EventKind,
  ModelState,
  type ModelStatus,
  type StateChange,
  type WatchResponse,
} from "../../gen/modelport/v1/runtime_watch_pb.ts";
import { printable } from "../base/errors.ts";
import { formatMs } from "../clients/figures.ts";
import { stateName } from "../clients/state-names.ts";
import { RuntimeReplica } from "./connect/runtime-replica.ts";
import { memoryOf, modelLabel } from "./show/model-label.ts";
import { count, formatTime } from "./show/terminal-text.ts";

interface Entry {
  readonly timeMs: bigint;
  readonly what: string;
  readonly text: string;
}

/** States that no event reports. */
const statesInBetween: readonly ModelState[] = [
  ModelState.QUEUED,
  ModelState.LOADING,
  ModelState.DRAINING,
  ModelState.UNLOADING,
];

const eventTexts: Readonly<Record<EventKind, string>> = {
  [EventKind.UNSPECIFIED]: "unknown event",
  [EventKind.RUNTIME_READY]: "ready",
  [EventKind.SHUTDOWN_STARTED]: "shutting down",
  [EventKind.MODELMESH_TOOK_OVER]: "ModelMesh controls loading and unloading from now on",
  [EventKind.MODEL_LOADED]: "ready",
  [EventKind.LOAD_REFUSED]: "load refused",
  [EventKind.LOAD_FAILED]: "load failed",
  [EventKind.LOAD_CANCELLED]: "load cancelled",
  [EventKind.MODEL_UNLOADED]: "unloaded",
  [EventKind.HOST_LOST]: "host lost",
  [EventKind.MODEL_RECOVERED]: "ready again",
};

/** Turns the messages of a watch into log lines: first the present state, then every change. */
export class WatchLog {
  readonly #wanted: string | undefined;
  readonly #replica = new RuntimeReplica();
  /** Generation → its latest state change that was printed. */
  readonly #told = new Map<bigint, bigint>();
  #lastEvent = -1n;

  /** `wanted`: the model to report; undefined: all models, and the runtime. */
  constructor(wanted: string | undefined) {
    this.#wanted = wanted;
  }

  take(message: WatchResponse): string[] {
    const { update } = message;
    const isFirst = this.#replica.runtime === undefined;
    for (const { generation } of this.#replica.take(message)) this.#told.delete(generation);
    if (update.case === undefined) return [];
    // Everything in the first snapshot happened before the watch began.
    if (isFirst) return this.#begin(update.value.events);
    const entries = [
      ...update.value.models.flatMap((model) => this.#changesOf(model)),
      ...this.#newEvents(update.value.events),
    ];
    // Times are equal where one change caused the next: then states come first.
    return entries
      .sort((a, b) => Number(a.timeMs - b.timeMs))
      .map(({ timeMs, what, text }) => printable(`${formatTime(timeMs)}  ${what}  ${text}`));
  }

  #begin(events: readonly Event[]): string[] {
    const { runtime } = this.#replica;
    const models = [...this.#replica.models.values()].filter(({ id }) => this.#isWanted(id));
    this.#newEvents(events);
    const lines = models.map((model) => {
      this.#changesOf(model);
      const reason = model.reason === "" ? "" : `: ${model.reason}`;
      const memory = memoryOf(model) === "" ? "" : `, ${memoryOf(model)}`;
      const time = formatTime(model.stateSinceMs);
      return printable(
        `${time}  ${modelLabel(model)}  ${stateName(model.state)}${memory}${reason}`,
      );
    });
    const time = formatTime(runtime?.timeMs ?? 0n);
    return [`${time}  runtime  watching ${count(models.length, "model")}`, ...lines];
  }

  #changesOf(model: ModelStatus): Entry[] {
    if (!this.#isWanted(model.id)) return [];
    const told = this.#told.get(model.generation) ?? -1n;
    const changes = model.history.filter(({ timeMs }) => timeMs > told);
    this.#told.set(model.generation, model.history.at(-1)?.timeMs ?? told);
    return changes.filter(({ state }) => statesInBetween.includes(state)).map(toEntry(model));
  }

  #newEvents(events: readonly Event[]): Entry[] {
    const fresh = events.filter(({ number }) => number > this.#lastEvent);
    this.#lastEvent = fresh.at(-1)?.number ?? this.#lastEvent;
    return fresh
      .filter(({ modelId }) =>
        modelId === "" ? this.#wanted === undefined : this.#isWanted(modelId),
      )
      .map((event) => this.#eventEntry(event));
  }

  #eventEntry(event: Event): Entry {
    const { timeMs, kind, modelId, modelVersion, generation, reason } = event;
    const model = this.#replica.models.get(generation);
    const figures =
      kind === EventKind.MODEL_LOADED && model !== undefined
        ? `, ${memoryOf(model)} in ${formatMs(model.loadMs)}`
        : "";
    const text = eventTexts[kind] ?? eventTexts[EventKind.UNSPECIFIED];
    return {
      timeMs,
      what: modelId === "" ? "runtime" : modelLabel({ id: modelId, version: modelVersion }),
      text: `${text}${figures}${reason === "" ? "" : `: ${reason}`}`,
    };
  }

  #isWanted(id: string): boolean {
    return this.#wanted === undefined || id === this.#wanted;
  }
}

function toEntry(model: ModelStatus): (change: StateChange) => Entry {
  return ({ timeMs, state, reason }) => ({
    timeMs,
    what: modelLabel(model),
    text: `${stateName(state)}${reason === "" ? "" : `: ${reason}`}`,
  });
}
