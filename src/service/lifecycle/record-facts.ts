import { splitVersionedId } from "./model-name.ts";
import type { ModelRecord } from "./model-record.ts";

/** What names a generation in the log. */
export interface RecordFacts {
  readonly modelId: string;
  /** Absent if the id has none. */
  readonly version?: string;
  readonly generation: number;
}

export function recordFacts({
  id,
  generation,
}: Pick<ModelRecord, "id" | "generation">): RecordFacts {
  const { name, version } = splitVersionedId(id);
  return version === "" ? { modelId: name, generation } : { modelId: name, version, generation };
}
