import { toJson } from "@bufbuild/protobuf";
import {
  GRPCInferenceService,
  type RepositoryIndexResponse_ModelIndex,
  RepositoryIndexResponse_ModelIndexSchema,
} from "../../../gen/inference/inference_pb.ts";
import {
  type ModelStatus,
  ModelStatusSchema,
  RuntimeWatchService,
} from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import type { ServerConnection } from "../connect/server-connection.ts";

/** The models of a runtime, by name and version. */
export interface ModelList {
  /** One row per generation: a model that is being replaced has two for a while. */
  readonly loaded: readonly ModelStatus[];
  /** Entries of the local repository that are not loaded. */
  readonly unloaded: readonly RepositoryIndexResponse_ModelIndex[];
}

export async function listModels(server: ServerConnection): Promise<ModelList> {
  const [{ snapshot }, { models: index }] = await Promise.all([
    server.client(RuntimeWatchService).getSnapshot({}),
    server.client(GRPCInferenceService).repositoryIndex({}),
  ]);
  const loaded = snapshot?.models ?? [];
  const known = new Set(loaded.map(({ id, version }) => `${id}\n${version}`));
  return {
    loaded: loaded.toSorted(
      (a, b) =>
        byText(a.id, b.id) || byText(a.version, b.version) || Number(a.generation - b.generation),
    ),
    unloaded: index
      .filter(({ name, version }) => !known.has(`${name}\n${version}`))
      .toSorted((a, b) => byText(a.name, b.name) || byText(a.version, b.version)),
  };
}

/** Every version and generation of one model. */
export function selectModel({ loaded, unloaded }: ModelList, wanted: string): ModelList {
  return {
    loaded: loaded.filter(({ id }) => id === wanted),
    unloaded: unloaded.filter(({ name }) => name === wanted),
  };
}

/** As --output json shows it. */
export function toListJson({ loaded, unloaded }: ModelList) {
  const options = { alwaysEmitImplicit: true };
  return {
    models: loaded.map((model) => toJson(ModelStatusSchema, model, options)),
    unloaded: unloaded.map((entry) =>
      toJson(RepositoryIndexResponse_ModelIndexSchema, entry, options),
    ),
  };
}

/** Compares numbers inside names by value: version 10 comes after version 9. */
const { compare: byText } = new Intl.Collator("en", { numeric: true });
