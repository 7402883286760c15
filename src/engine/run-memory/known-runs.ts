import type { ModelSource } from "../contract/engine.ts";
import type { ModelRuns } from "./model-runs.ts";

const mostKept = 1_000;

/** What is known about models' runs; it applies to the same files again, also in another host. */
export class KnownRuns {
  /** Least recently loaded first. */
  readonly #kept = new Map<string, ModelRuns>();

  of({ file, filesIdentity }: ModelSource, make: () => ModelRuns): ModelRuns {
    const key = JSON.stringify([file, filesIdentity]);
    const runs = this.#kept.get(key) ?? make();
    this.#kept.delete(key);
    this.#kept.set(key, runs);
    if (this.#kept.size > mostKept) {
      const oldest = this.#kept.keys().next();
      if (!oldest.done) this.#kept.delete(oldest.value);
    }
    return runs;
  }
}
