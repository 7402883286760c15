import { ConnectError } from "@connectrpc/connect";
import { effect, type Signal, signal } from "@preact/signals";
import type { UnloadedModel } from "./model-rows.ts";
import type { RuntimeStore } from "./runtime-store.ts";

/** After a change, to collect the changes that usually follow it. */
const settleMs = 300;

/** Models in the local repository that are not loaded. The stream reports loaded models only, so this asks
 *  again whenever the set of those changes. */
export class RepositoryIndex {
  readonly unloaded: Signal<readonly UnloadedModel[]> = signal([]);
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Generations at the last check; undefined before the first. */
  #loaded: string | undefined;

  follow(store: RuntimeStore): void {
    effect(() => {
      const hasRepository = store.runtime.value?.hasModelRepository ?? false;
      const loaded = store.models.value.map(({ generation }) => generation).join();
      if (!hasRepository || loaded === this.#loaded) return;
      this.#loaded = loaded;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.#read(), settleMs);
    });
  }

  async #read(): Promise<void> {
    try {
      const { inferenceClient } = await import("../rpc-clients.ts");
      const { models } = await inferenceClient.repositoryIndex({});
      this.unloaded.value = models
        .filter(({ state }) => state === "UNAVAILABLE")
        .map(({ name, version, reason }) => ({ id: name, version, reason }));
    } catch (error) {
      // The connection is watched elsewhere; the next change asks again.
      ConnectError.from(error);
    }
  }
}
