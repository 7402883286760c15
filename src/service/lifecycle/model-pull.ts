import { type CancelSignal, toAbortSignal } from "../../base/cancel-signal.ts";
import type { StorageLocation } from "../../storage/location.ts";
import type { ModelPuller, PulledModel } from "../../storage/model-puller.ts";
import type { PullProgress } from "../../storage/pull-cache.ts";

/** The files of one generation that come from a store: on their way, here, or gone. */
export class ModelPull {
  /** The current progress. */
  progress: PullProgress = { receivedBytes: 0, totalBytes: undefined };
  readonly #pulled: Promise<PulledModel>;

  /** Starts the pull. Aborting `signal` stops it; `onProgress` is called after every change of `progress`. */
  constructor(
    puller: Pick<ModelPuller, "pull">,
    location: StorageLocation,
    { signal, onProgress }: { readonly signal: CancelSignal; readonly onProgress?: () => void },
  ) {
    this.#pulled = puller.pull(location, {
      signal: toAbortSignal(signal),
      onProgress: (progress) => {
        this.progress = progress;
        onProgress?.();
      },
    });
    this.#pulled.catch(() => {});
  }

  /** Rejects like `ModelPuller.pull`. */
  get pulled(): Promise<PulledModel> {
    return this.#pulled;
  }

  /** Resolves when this generation has no files any more, whatever became of the pull. Never rejects. Call it
   *  when the signal has aborted or the pull has ended. */
  async release(): Promise<void> {
    const pulled = await this.#pulled.catch(() => undefined);
    await pulled?.release();
  }
}
