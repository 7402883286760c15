import { delay } from "../../base/abort.ts";
import { describeError, isTransient, RuntimeError } from "../../base/errors.ts";
import type { Engine, Joining, LoadedModel, ModelSource } from "../../engine/contract/engine.ts";
import { HostLostError } from "../../engine/contract/host-lost-error.ts";
import type { Logger } from "../../observe/log.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import type { ModelRecord } from "./model-record.ts";
import { heldBytes } from "./model-state.ts";
import { recordFacts } from "./record-facts.ts";

export interface AttemptParts {
  readonly engine: Pick<Engine, "load">;
  readonly budget: Pick<MemoryBudget, "lend" | "capacityBytes">;
  readonly log: Logger;
}

const maxAttempts = 3;

/** Has the engine load models, and retries after faults that the model did not cause. */
export class LoadAttempts {
  readonly #parts: AttemptParts;

  constructor(parts: AttemptParts) {
    this.#parts = parts;
  }

  /** Settles as `Engine.load` does in the last attempt. */
  async load(record: ModelRecord, source: ModelSource): Promise<LoadedModel> {
    record.isIsolated = record.faults?.isIsolated === true;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#loadOnce(record, source);
      } catch (reason) {
        const isShort = this.#isOpen(source) && isShortOfMemory(record, reason);
        const isWorthwhile = isTransient(reason) || isShort;
        if (record.signal.aborted || !isWorthwhile || attempt === maxAttempts) throw reason;
        // A shared host gives one model no more than all of its models together should need.
        record.needsOwnHost ||= isShort;
        // A model that took its host down while loading gets a host of its own next time.
        record.isIsolated ||= isToBlame(reason, attempt);
        this.#parts.log.warn(
          { ...recordFacts(record), attempt, reason: describeError(reason) },
          "load attempt failed",
        );
        await delay(50 * 4 ** (attempt - 1), record.signal);
      }
    }
  }

  async #loadOnce(record: ModelRecord, source: ModelSource): Promise<LoadedModel> {
    const { engine, budget } = this.#parts;
    const { signal, settings, isIsolated: isolated, needsOwnHost: ownHost, statistics } = record;
    const meter = statistics.runs;
    const lent = this.#isOpen(source) ? budget.lend() : undefined;
    const mostBytes = lent && heldBytes(record.state) + lent.bytes;
    try {
      const onJoinedWrong = (joining: Joining) => this.#noteJoinedWrong(record, joining);
      const options = { signal, isolated, ownHost, settings, meter, mostBytes, onJoinedWrong };
      const loaded = await record.times.measure("host", () => engine.load(source, options));
      const { warmupMs = 0 } = loaded;
      if (warmupMs > 0) record.times.note("warm-up", warmupMs);
      return loaded;
    } finally {
      lent?.giveBack();
    }
  }

  #noteJoinedWrong(record: ModelRecord, { reason }: Joining): void {
    this.#parts.log.error(
      { ...recordFacts(record), reason },
      "joined runs differed from single ones",
    );
  }

  /** Whether it may turn out to take much more than is reserved. */
  #isOpen({ isClear, estimatedBytes }: ModelSource): boolean {
    return !isClear || estimatedBytes > this.#parts.budget.capacityBytes;
  }
}

/** Whether a model was refused memory that a host of its own might give it. */
function isShortOfMemory(record: ModelRecord, reason: unknown): boolean {
  const isRefused = reason instanceof RuntimeError && reason.kind === "over-budget";
  return isRefused && !record.needsOwnHost && !record.isIsolated;
}

/** Whether a load took its host down. A host that was killed for another reason may still have died of the load
 *  if memory ran out, but not every time. */
function isToBlame(reason: unknown, attempt: number): boolean {
  if (reason instanceof HostLostError && reason.part === "suspected") return attempt > 1;
  return reason instanceof RuntimeError && reason.kind === "host-lost";
}
