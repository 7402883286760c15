import type { ModelStatus } from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import { type StateName, stateName } from "../../clients/state-names.ts";

/** A model of the local repository, or one of its versions, that is not loaded. */
export interface UnloadedModel {
  readonly id: string;
  readonly version: string;
  /** Why it is not loaded. */
  readonly reason: string;
}

/** A row in lists: a generation in the runtime, or a model that is only in the repository. */
export interface ModelRow {
  readonly key: string;
  readonly id: string;
  readonly version: string;
  /** Undefined if nothing of it is loaded. */
  readonly status: ModelStatus | undefined;
  readonly state: StateName | "not loaded";
  /** The reason for its state; may be empty. */
  readonly reason: string;
}

export type SortKey = "name" | "state" | "size" | "load" | "rate" | "p99" | "errors";

export interface SortOrder {
  readonly key: SortKey;
  readonly descending: boolean;
}

/** All generations, and repository models without one. */
export function modelRows(
  models: readonly ModelStatus[],
  unloaded: readonly UnloadedModel[],
): ModelRow[] {
  const rows: ModelRow[] = models.map((status) => ({
    key: `${status.generation}`,
    id: status.id,
    version: status.version,
    status,
    state: stateName(status.state),
    reason: status.reason,
  }));
  const known = new Set(rows.map(({ id, version }) => `${id}\n${version}`));
  for (const { id, version, reason } of unloaded) {
    const key = `${id}\n${version}`;
    if (!known.has(key)) {
      rows.push({ key, id, version, status: undefined, state: "not loaded", reason });
    }
  }
  return rows;
}

/** Rows whose name, type or state contains every word of `filter`, sorted. */
export function selectRows(
  rows: readonly ModelRow[],
  filter: string,
  { key, descending }: SortOrder,
): ModelRow[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = ({ id, version, state, status }: ModelRow) => {
    const aliases = status?.versionAliases.join(" ") ?? "";
    const text = `${id} ${version} ${aliases} ${state} ${status?.type ?? ""} ${status?.format ?? ""}`;
    const lower = text.toLowerCase();
    return words.every((word) => lower.includes(word));
  };
  const selected = words.length === 0 ? [...rows] : rows.filter(matches);
  const direction = descending ? -1 : 1;
  const compare = comparisons[key];
  return selected.sort((a, b) => direction * compare(a, b) || byName(a, b));
}

/** The row for the page of `id` and `version`, which may be an alias: the newest generation that serves, otherwise the
 *  newest one, if there is one. */
export function findRow(
  rows: readonly ModelRow[],
  id: string,
  version: string,
): ModelRow | undefined {
  const own = rows.filter(
    (row) =>
      row.id === id &&
      (row.version === version || row.status?.versionAliases.includes(version) === true),
  );
  const serves = ({ state }: ModelRow) => state === "ready" || state === "reloading";
  return own.findLast(serves) ?? own.at(-1);
}

/** Bytes of the runtime's memory that it holds, or would hold as far as is known. */
export function sizeBytes({ heldBytes, reportedBytes, predictedBytes }: ModelStatus): bigint {
  return heldBytes || reportedBytes || predictedBytes;
}

type Comparison = (a: ModelRow, b: ModelRow) => number;

const collator = new Intl.Collator("en", { numeric: true });
const byName: Comparison = (a, b) =>
  collator.compare(a.id, b.id) || collator.compare(a.version, b.version);
const by =
  (read: (status: ModelStatus) => number): Comparison =>
  (a, b) =>
    (a.status === undefined ? -1 : read(a.status)) - (b.status === undefined ? -1 : read(b.status));

const comparisons: Record<SortKey, Comparison> = {
  name: byName,
  state: (a, b) => collator.compare(a.state, b.state),
  size: by((status) => Number(sizeBytes(status))),
  load: by(({ loadMs }) => loadMs),
  rate: by(({ traffic }) => traffic?.requestsPerSecond ?? 0),
  p99: by(({ traffic }) => traffic?.p99Ms ?? 0),
  errors: by(({ traffic }) => Number(traffic?.failedTotal ?? 0n)),
};
