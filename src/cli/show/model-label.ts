import type { ModelStatus } from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import { formatBytes } from "../../clients/figures.ts";

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

/** The version and its aliases; empty if it has none. */
export function versionOf({ version, versionAliases }: ModelStatus): string {
  return versionAliases.length === 0 ? version : `${version} (${versionAliases.join(", ")})`;
}

/** The memory that it holds, or that its load has reserved; empty if none. */
export function memoryOf({ reportedBytes, heldBytes }: ModelStatus): string {
  const bytes = reportedBytes || heldBytes;
  return bytes === 0n ? "" : formatBytes(bytes);
}
