import {
  JoiningState,
  ModelState,
  type ModelStatus,
} from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import { formatBytes } from "./format.ts";

const names: Readonly<Record<ModelState, string>> = {
  [ModelState.UNSPECIFIED]: "unknown",
  [ModelState.QUEUED]: "queued",
  [ModelState.LOADING]: "loading",
  [ModelState.READY]: "ready",
  [ModelState.RELOADING]: "reloading",
  [ModelState.DRAINING]: "draining",
  [ModelState.UNLOADING]: "unloading",
  [ModelState.FAILED]: "failed",
};

/** A newer runtime may have states that this command does not know. */
export function stateName(state: ModelState): string {
  return names[state] ?? names[ModelState.UNSPECIFIED];
}

const joiningNames: Readonly<Record<JoiningState, string>> = {
  [JoiningState.UNSPECIFIED]: "unknown",
  [JoiningState.PROVEN]: "proven",
  [JoiningState.PROMISED]: "promised",
  [JoiningState.OFF]: "off",
};

/** Whether its requests are batched, and why; empty if unknown. */
export function joiningOf({ joining }: ModelStatus): string {
  if (joining === undefined) return "";
  return `${joiningNames[joining.state] ?? joiningNames[JoiningState.UNSPECIFIED]}: ${joining.reason}`;
}

/** The model and its version, if it has one. */
export function modelLabel({
  id,
  version,
}: {
  readonly id: string;
  readonly version: string;
}): string {
  return version === "" ? id : `${id} (version ${version})`;
}

/** The memory that it holds, or that its load has reserved; empty if none. */
export function memoryOf({ reportedBytes, heldBytes }: ModelStatus): string {
  const bytes = reportedBytes || heldBytes;
  return bytes === 0n ? "" : formatBytes(bytes);
}
