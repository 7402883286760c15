import type { MeshBooks } from "./mesh-books.ts";
import type { MeshClock } from "./mesh-clock.ts";
import type { CallLimits, RuntimeAnswer, RuntimeChannel } from "./runtime-channel.ts";
import { untilAborted } from "./until-aborted.ts";

/** A model as it was registered with ModelMesh. */
export interface ModelInfo {
  readonly type: string;
  readonly path: string;
  readonly key?: string;
}

interface Tracked {
  /** Cache entries that want the model. */
  readonly wantedBy: Set<object>;
  /** Of those, the ones that still wait for the load; the last one to leave cancels it. */
  waiting: number;
  state: "loading" | "loaded" | "failed";
  isCancelled: boolean;
  readonly outcome: Promise<number>;
  readonly cancel: AbortController;
  /** Resolves with whether the runtime has let go of the model; there once that was asked for. */
  readonly unloaded: PromiseWithResolvers<boolean>;
}

interface LoadOrder {
  readonly id: string;
  readonly info: ModelInfo;
  /** The cache entry that wants the model. */
  readonly owner: object;
  readonly signal: AbortSignal;
}

/** Why a load failed, in the words that ModelMesh records. */
export class LoadFailure extends Error {}

/** What ModelMesh says where it hands out a load that was cancelled. */
export const cancelledLoad = "CancellationException";

const unloadTickMs = 10_000;
const firstRetryMs = 1000;
const maxUnloadRetries = 90;

/** The runtime's models as ModelMesh tracks them: never two loads of one id at a time, no load beside an
 *  unload, and unloads that are tried again until the runtime lets go. */
export class ModelLoads {
  readonly #channel: RuntimeChannel;
  readonly #clock: MeshClock;
  readonly #books: MeshBooks;
  readonly #models = new Map<string, Tracked>();
  /** Each tries an unload again that has failed. */
  readonly #retries = new Set<() => void>();
  #retriedAllAtMs = Number.NEGATIVE_INFINITY;

  constructor(channel: RuntimeChannel, { clock, books }: { clock: MeshClock; books: MeshBooks }) {
    this.#channel = channel;
    this.#clock = clock;
    this.#books = books;
  }

  /** Ids that the runtime holds or is to let go of. */
  get trackedIds(): string[] {
    return [...this.#models.keys()];
  }

  /** Resolves with sizeInBytes of the answer. Aborting gives up; `unload` by the same owner has to follow in
   *  any case. */
  async load({ id, info, owner, signal }: LoadOrder): Promise<number> {
    for (const retry of [...this.#retries].slice(0, 1)) retry();
    let tracked = this.#models.get(id);
    // Until its unload begins, a cancelled load is handed to whoever wants the model next.
    if (tracked?.isCancelled && tracked.wantedBy.size > 0) throw new LoadFailure(cancelledLoad);
    // A failed load is cleaned up before the next one, and an unload is waited for.
    while (tracked !== undefined && (tracked.wantedBy.size === 0 || tracked.state === "failed")) {
      if (!(await untilAborted(tracked.unloaded.promise, signal))) {
        throw new LoadFailure(`Prior unload of model ${id} failed unrecoverably`);
      }
      tracked = this.#models.get(id);
    }
    tracked ??= this.#start(id, info);
    tracked.wantedBy.add(owner);
    tracked.waiting++;
    const { outcome, cancel } = tracked;
    try {
      return await untilAborted(outcome, signal);
    } finally {
      tracked.waiting--;
      if (tracked.waiting === 0 && tracked.state === "loading") {
        tracked.state = "failed";
        tracked.isCancelled = true;
        this.#books.cancelledLoads++;
        this.#books.note(id, "load cancelled");
        cancel.abort();
      }
    }
  }

  /** Whether the runtime has let go. No call is made while another entry wants the model, nor for one that
   *  never came to load it. */
  async unload(id: string, owner: object): Promise<boolean> {
    const tracked = this.#models.get(id);
    if (tracked === undefined || !tracked.wantedBy.delete(owner)) return true;
    if (tracked.wantedBy.size > 0) {
      this.#books.savedUnloads++;
      return true;
    }
    const freed = await this.#unloadUntilFreed(id);
    // Models that the runtime forgot of its own accord may have been loaded again meanwhile.
    if (this.#models.get(id) === tracked) this.#models.delete(id);
    tracked.unloaded.resolve(freed);
    return freed;
  }

  /** The runtime does not know the model, and nobody will unload it. */
  forget(id: string): void {
    this.#models.get(id)?.unloaded.resolve(true);
    this.#models.delete(id);
  }

  #start(id: string, info: ModelInfo): Tracked {
    const cancel = new AbortController();
    const outcome = this.#loadNow(id, info, { signal: cancel.signal });
    const tracked: Tracked = {
      wantedBy: new Set(),
      waiting: 0,
      state: "loading",
      isCancelled: false,
      outcome,
      cancel,
      unloaded: Promise.withResolvers<boolean>(),
    };
    outcome.then(
      () => {
        if (tracked.state === "loading") tracked.state = "loaded";
      },
      () => {
        tracked.state = "failed";
      },
    );
    this.#models.set(id, tracked);
    return tracked;
  }

  async #loadNow(id: string, info: ModelInfo, limits: CallLimits): Promise<number> {
    const { type, path, key = "" } = info;
    const answer: RuntimeAnswer<{ sizeInBytes: string }> = await this.#channel.manage(
      "loadModel",
      { modelId: id, modelType: type, modelPath: path, modelKey: key },
      limits,
    );
    if (answer.code === "OK") return Number(answer.message.sizeInBytes);
    const { code, details } = answer;
    throw new LoadFailure(code === "UNKNOWN" ? details : `${code}: ${details}`);
  }

  async #unloadUntilFreed(id: string): Promise<boolean> {
    for (let retries = 0; ; retries++) {
      const { code } = await this.#channel.manage("unloadModel", { modelId: id });
      if (code === "OK" || code === "NOT_FOUND") {
        this.#retryAll();
        return true;
      }
      if (retries === maxUnloadRetries) return false;
      this.#books.unloadRetries++;
      await this.#nextRetry(retries === 0 ? firstRetryMs : unloadTickMs);
    }
  }

  async #nextRetry(afterMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const over = new AbortController();
    this.#retries.add(resolve);
    const tick = this.#clock.delay(afterMs, over.signal).catch(() => {});
    await Promise.race([tick, promise]);
    over.abort();
    this.#retries.delete(resolve);
  }

  #retryAll(): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#retriedAllAtMs < unloadTickMs) return;
    this.#retriedAllAtMs = nowMs;
    for (const retry of this.#retries) retry();
  }
}
