import { LifecycleOwner } from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import type { ModelRow } from "./model-rows.ts";
import type { RuntimeStore } from "./runtime-store.ts";

/** What this caller may do to a model now. */
export interface AllowedActions {
  readonly load: boolean;
  readonly unload: boolean;
  /** Why there is nothing to do for this caller, in a sentence; "" if it lies in the state of the model. */
  readonly whyNone: string;
}

const notForCaller =
  "Loading and unloading is not for this page: the server takes such calls from its own machine, or with a token that allows it (LIFECYCLE_ACCESS).";
const ownedByMesh =
  "ModelMesh owns the lifecycle here, so models of the repository cannot be loaded or unloaded by this page. LIFECYCLE_OWNER=repository, set for the server, changes that.";

/** Which of the buttons to show. The server decides for itself again when one is pressed. */
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
