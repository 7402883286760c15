import { LifecycleOwner } from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import type { ModelRow } from "./model-rows.ts";
import type { RuntimeStore } from "./runtime-store.ts";

/** What this client may do with a model now. */
export interface AllowedActions {
  readonly load: boolean;
  readonly unload: boolean;
  /** Why this client can do nothing, in a sentence; "" if the reason is the model's state. */
  readonly whyNone: string;
}

const notForCaller =
  "This page may not load or unload models: the server accepts such calls only from its own machine, or with a token that allows them (LIFECYCLE_ACCESS).";
const ownedByMesh =
  "ModelMesh owns the lifecycle, so this page cannot load or unload models of the repository. To change that, start the server with LIFECYCLE_OWNER=repository.";

/** Which buttons to show. The server decides again when one is pressed. */
export function allowedActions(store: RuntimeStore, row: ModelRow): AllowedActions {
  const runtime = store.runtime.value;
  if (runtime === undefined) return none("");
  if (!store.mayChangeModels.value) return none(notForCaller);
  const { state, status } = row;
  const isOfRepository = status === undefined || status.pinned;
  const isOfMesh = runtime.lifecycleOwner === LifecycleOwner.MODELMESH;
  if (isOfRepository && isOfMesh) return none(ownedByMesh);
  const isHeld = status !== undefined && state !== "failed";
  const isLeaving = state === "unloading" || state === "draining";
  return { load: isOfRepository && !isHeld, unload: isHeld && !isLeaving, whyNone: "" };
}

function none(whyNone: string): AllowedActions {
  return { load: false, unload: false, whyNone };
}
