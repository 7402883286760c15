import { ModelFaults } from "./model-faults.ts";
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
}

function keyOf({ spec }: ModelRequest): string {
  return JSON.stringify([spec.id, spec.path]);
}
