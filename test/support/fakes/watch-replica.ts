import { toJson } from "@bufbuild/protobuf";
import {
  type Event,
  EventSchema,
  type ModelStatus,
  ModelStatusSchema,
  type RuntimeState,
  type WatchResponse,
} from "../../../gen/modelport/v1/runtime_watch_pb.ts";

/** What somebody knows of a runtime who has seen nothing but the messages of one watch. */
export class WatchReplica {
  readonly models = new Map<bigint, ModelStatus>();
  readonly events: Event[] = [];
  runtime: RuntimeState | undefined;
  revision = -1n;
  snapshotCount = 0;
  messageCount = 0;
  mayChangeModels: boolean | undefined;

  /** Throws if a message cannot be the next one. */
  take({ revision, update, caller }: WatchResponse): void {
    if (revision <= this.revision) throw new Error(`revision ${revision} is not new`);
    this.revision = revision;
    this.messageCount++;
    if (caller !== undefined) this.mayChangeModels = caller.mayChangeModels;
    if (update.case === undefined) throw new Error("a message without an update");
    const { models, events, runtime } = update.value;
    if (update.case === "snapshot") {
      this.snapshotCount++;
      this.models.clear();
      this.events.length = 0;
    } else {
      if (this.snapshotCount === 0) throw new Error("a delta before the first snapshot");
      for (const generation of update.value.removedGenerations) this.models.delete(generation);
    }
    for (const model of models) this.models.set(model.generation, model);
    this.runtime = runtime ?? this.runtime;
    const last = this.events.at(-1)?.number;
    const [first] = events;
    if (last !== undefined && first !== undefined && first.number !== last + 1n) {
      throw new Error(`event ${first.number} came after event ${last}`);
    }
    this.events.push(...events);
  }

  /** Models by generation and events, in the form of JSON. */
  get view(): { readonly models: unknown[]; readonly events: unknown[] } {
    return viewOf([...this.models.values()], this.events);
  }
}

/** The same of a snapshot. */
export function viewOf(
  models: readonly ModelStatus[],
  events: readonly Event[],
): WatchReplica["view"] {
  return {
    models: models
      .toSorted((a, b) => Number(a.generation - b.generation))
      .map((model) => toJson(ModelStatusSchema, model)),
    events: events.map((event) => toJson(EventSchema, event)),
  };
}
