import { RuntimeError } from "../../base/errors.ts";
import { HostLostError } from "../../engine/contract/host-lost-error.ts";
import { ModelFaults } from "./model-faults.ts";
import type { ModelRecord } from "./model-record.ts";
import type { ModelRequest } from "./model-spec.ts";

/** Bounds the memory; the oldest entries are forgotten first. */
const maxModels = 1_000;

/** Models' faults, kept beyond the life of a generation: a model that crashes and is loaded again is the same
 *  model. */
export class FaultBook {
  readonly #now: () => number;
  readonly #faults = new Map<string, ModelFaults>();

  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  /** Undefined for the great majority, which have no faults. */
  find(request: ModelRequest): ModelFaults | undefined {
    const key = keyOf(request);
    const faults = this.#faults.get(key);
    if (faults?.isForgotten(this.#now())) {
      this.#faults.delete(key);
      return undefined;
    }
    return faults;
  }

  /** Like `find`, but creates a missing entry. */
  open(request: ModelRequest): ModelFaults {
    const found = this.find(request);
    if (found !== undefined) return found;
    const faults = new ModelFaults();
    this.#faults.set(keyOf(request), faults);
    if (this.#faults.size > maxModels) {
      for (const oldest of this.#faults.keys()) {
        this.#faults.delete(oldest);
        break;
      }
    }
    return faults;
  }

  /** Notes that the record's host died, unless another model was to blame. */
  noteLoss(record: ModelRecord, loss: RuntimeError): void {
    if (!(loss instanceof HostLostError)) return;
    if (loss.part === "bystander" || loss.part === "crowded") return;
    record.faults ??= this.open(record.request);
    record.faults.note(loss.part, loss.message, this.#now());
  }

  /** Gives a new generation the faults of its model. Throws "load-failed" while the model is banned. */
  refuseBanned(record: ModelRecord): void {
    const faults = this.find(record.request);
    record.faults = faults;
    const forMs = faults?.bannedForMs(this.#now()) ?? 0;
    if (forMs === 0) return;
    throw new RuntimeError(
      "load-failed",
      `model '${record.label}' is not loaded for another ${Math.ceil(forMs / 1000)} s: its hosts died when it ran, the last time because ${faults?.lastReason}`,
    );
  }
}

function keyOf({ spec }: ModelRequest): string {
  return JSON.stringify([spec.id, spec.path]);
}
