import type {
  ModelStatus,
  RuntimeState,
  WatchResponse,
} from "../../../gen/modelport/v1/runtime_watch_pb.ts";

/** The state that results from all messages of one watch. */
export class RuntimeReplica {
  /** By generation, oldest first. */
  readonly models = new Map<bigint, ModelStatus>();
  runtime: RuntimeState | undefined;

  /** Applies a message; messages must come in order. Returns the rows that it removed. */
  take({ update }: WatchResponse): ModelStatus[] {
    if (update.case === undefined) return [];
    const removed =
      update.case === "snapshot" ? [...this.models.keys()] : update.value.removedGenerations;
    const gone = removed.flatMap((generation) => this.models.get(generation) ?? []);
    for (const generation of removed) this.models.delete(generation);
    for (const model of update.value.models) this.models.set(model.generation, model);
    this.runtime = update.value.runtime ?? this.runtime;
    return gone.filter(({ generation }) => !this.models.has(generation));
  }
}
