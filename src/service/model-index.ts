import { compareVersions } from "../models/served-versions.ts";
import type { ModelIndexEntry } from "./contract/models.ts";
import type { ModelStateTag } from "./contract/runtime-feed.ts";
import { splitVersionedId } from "./lifecycle/model-name.ts";
import type { ModelRecord } from "./lifecycle/model-record.ts";

const states: Record<ModelStateTag, ModelIndexEntry["state"]> = {
  queued: "LOADING",
  loading: "LOADING",
  ready: "READY",
  reloading: "LOADING",
  draining: "UNLOADING",
  unloading: "UNLOADING",
  failed: "UNAVAILABLE",
};

/** One entry per model and version, by name, then by version. The newest generation of each counts, or the one
 *  that is ready; entries
 *  that are `missing` from the runtime come after those. */
export function indexOf(
  records: Iterable<ModelRecord>,
  missing: readonly ModelIndexEntry[],
): ModelIndexEntry[] {
  const present = new Map<string, ModelIndexEntry>();
  for (const { id, state, signature } of records) {
    // Where a newer generation is not there yet, or has failed, the older one answers.
    if (state.tag !== "ready" && present.get(id)?.state === "READY") continue;
    const reason = doubtOf(signature);
    present.set(id, { ...splitVersionedId(id), state: states[state.tag], reason });
  }
  return [...present.values(), ...missing].sort(compareEntries);
}

/** Of a model that is served although its signature was not verified (MODEL_SIGNING=warn). */
function doubtOf(signature: ModelRecord["signature"]): string {
  if (signature === undefined || signature.state === "verified") return "";
  return `not verified: ${signature.reason}`;
}

function compareEntries(a: ModelIndexEntry, b: ModelIndexEntry): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return compareVersions(a.version || "0", b.version || "0");
}
