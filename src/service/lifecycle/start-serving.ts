import type { LoadedModel } from "../../engine/contract/engine.ts";
import type { Logger } from "../../observe/log.ts";
import { describedOf } from "../described/described-of.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import type { ModelRecord } from "./model-record.ts";
import type { ModelSizer } from "./model-sizer.ts";
import { recordFacts } from "./record-facts.ts";

export interface ServingParts {
  readonly budget: Pick<MemoryBudget, "canGrow" | "refusal">;
  readonly sizer: Pick<ModelSizer, "settle">;
  readonly log: Logger;
}

/** Makes the record ready with `loaded`, if that is still wanted, is what its files describe, and fits.
 *  Otherwise unloads `loaded` and rejects with the reason. */
export async function startServing(
  record: ModelRecord,
  loaded: LoadedModel,
  { budget, sizer, log }: ServingParts,
): Promise<void> {
  // The engine may have finished at the very moment in which the load was stopped.
  if (record.state.tag !== "loading" && record.state.tag !== "reloading") {
    await loaded.unload();
    throw record.signal.reason;
  }
  try {
    record.configuration.check(describedOf(loaded, record.settings));
  } catch (error) {
    await loaded.unload();
    throw error;
  }
  // A model that has a host of its own only because others died will probably not need one next time.
  let sizeBytes = record.isIsolated ? loaded.sizeBytes : sizer.settle(record, loaded.sizeBytes);
  // A model that is loaded again already had its memory.
  if (record.state.tag === "loading") {
    const { reservedBytes } = record.state;
    if (!budget.canGrow(reservedBytes, sizeBytes)) {
      await loaded.unload();
      throw budget.refusal(record.label, sizeBytes, reservedBytes);
    }
  }
  record.becomeReady(loaded, sizeBytes);
  if (sizeBytes > record.sizeBytes) {
    const facts = {
      ...recordFacts(record),
      sizeBytes: record.sizeBytes,
      measuredBytes: sizeBytes,
    };
    log.warn(facts, "model takes more memory than it was reported with");
  }
  sizeBytes = record.sizeBytes;
  const loadMs = Math.round(performance.now() - record.loadSinceMs);
  log.info(
    {
      ...recordFacts(record),
      sizeBytes,
      loadMs,
      queueMs: record.times.durationMs("queue"),
      hostMs: record.times.durationMs("host"),
      warmupMs: record.times.durationMs("warm-up"),
      hostPid: loaded.hostPid,
      joining: loaded.joining.state,
      joiningReason: loaded.joining.reason,
    },
    "model loaded",
  );
}
