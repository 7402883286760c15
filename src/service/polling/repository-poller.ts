import type { CancelSignal } from "../../base/cancel-signal.ts";
import { describeError, RuntimeError } from "../../base/errors.ts";
import type { Logger } from "../../observe/log.ts";
import type { RepositoryScan } from "../../storage/polling/scan-repository.ts";
import type { PollingFigures } from "../contract/polling-figures.ts";
import { Settling } from "./settling.ts";

/** What the poller follows. */
export interface PolledModels {
  /** What the disk has, by model: a text that changes with its files, versions and aliases. */
  states(): Promise<ReadonlyMap<string, string>>;
  /** The same of what was last loaded, or tried. */
  readonly taken: ReadonlyMap<string, string>;
  /** Makes a model what the disk has, while what serves goes on serving. Does nothing and resolves with false if the
   *  disk no longer has `state` (undefined: nothing). Rejects if that fails. */
  follow(name: string, state: string | undefined, signal: CancelSignal): Promise<boolean>;
}

export interface PollerParts {
  readonly scanner: { scan(): Promise<RepositoryScan>; close(): void };
  readonly models: PolledModels;
  readonly intervalMs: number;
  readonly log: Logger;
}

interface Failure {
  /** What was tried. */
  readonly state: string | undefined;
  readonly reason: string;
  readonly attempts: number;
  /** By `performance.now()`; infinite if only a change of the files helps. */
  readonly retryMs: number;
}

/** Polls take at most a twentieth of a core, however large the repository and slow its disk. */
const maxShare = 20;
/** A disk that takes this long is reported, once. */
const slowMs = 10_000;
const longestPauseMs = 300_000;
const maxShown = 20;
/** Failures after which the same files may load later. */
const passing: ReadonlySet<string> = new Set([
  ...["over-budget", "overloaded", "deadline-exceeded", "host-lost", "temporarily-unavailable"],
]);

/** Follows the changes of a local repository. One poll at a time; the loads that it starts do not hold up the next
 *  one. */
export class RepositoryPoller {
  readonly #parts: PollerParts;
  readonly #settling = new Settling();
  readonly #abort = new AbortController();
  readonly #failures = new Map<string, Failure>();
  readonly #following = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #scan: RepositoryScan | undefined;
  /** As of `#scan`. */
  #states: ReadonlyMap<string, string> = new Map();
  #readingSinceMs = 0;
  #lastPollMs = 0;
  #tookMs = 0;
  #reason = "";
  readonly #counts = { polls: 0, failedPolls: 0, changes: 0, failedChanges: 0 };

  constructor(parts: PollerParts) {
    this.#parts = parts;
  }

  /** Polls from now on, the first time after one interval. */
  start(): void {
    this.#parts.log.info({ intervalMs: this.#parts.intervalMs }, "repository polling started");
    this.#wait();
  }

  close(): void {
    this.#abort.abort(new RuntimeError("shutting-down", "the runtime is shutting down"));
    clearTimeout(this.#timer);
    this.#parts.scanner.close();
  }

  figures(): PollingFigures {
    const failing = Array.from(this.#failures, ([name, { reason }]) => ({ name, reason }));
    return {
      state: this.#readingSinceMs > 0 ? "reading" : "waiting",
      reason: this.#reason,
      intervalMs: this.#parts.intervalMs,
      lastPollMs: this.#lastPollMs,
      tookMs: this.#tookMs,
      readingSinceMs: this.#readingSinceMs,
      ...this.#counts,
      settling: this.#settling.waiting().slice(0, maxShown),
      settlingCount: this.#settling.count,
      failing: failing.slice(0, maxShown),
      failingCount: failing.length,
    };
  }

  /** Looks once, and starts what has to be done. Never rejects. */
  async poll(): Promise<void> {
    const { log } = this.#parts;
    const startedMs = performance.now();
    this.#readingSinceMs = Date.now();
    const late = setTimeout(() => {
      this.#reason = `the file system has not answered for ${slowMs / 1_000} s`;
      log.warn({ reason: this.#reason }, "repository poll is slow");
    }, slowMs).unref();
    try {
      await this.#look();
      this.#tookMs = performance.now() - startedMs;
      this.#lastPollMs = Date.now();
      this.#counts.polls++;
      this.#reason = "";
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      const reason = describeError(error);
      this.#counts.failedPolls++;
      // What is loaded goes on serving: a disk that is away says nothing about its models.
      if (reason !== this.#reason) log.warn({ reason }, "repository poll failed");
      this.#reason = reason;
    } finally {
      clearTimeout(late);
      this.#readingSinceMs = 0;
    }
  }

  async #look(): Promise<void> {
    const { scanner, models } = this.#parts;
    const scan = await scanner.scan();
    this.#refuseLostMount(scan);
    // Only a change makes it worth while to find out which files are models.
    if (scan.digest !== this.#scan?.digest) {
      // Forgotten first: if this fails, the next poll tries again.
      this.#scan = undefined;
      this.#states = await models.states();
      this.#scan = scan;
    }
    const settled = this.#settling.look(this.#states, models.taken, Date.now());
    const again: string[] = [];
    for (const [name, { state, retryMs }] of this.#failures) {
      // A client has loaded something else since.
      if (models.taken.get(name) !== state) this.#failures.delete(name);
      else if (performance.now() >= retryMs && this.#states.get(name) === state) again.push(name);
    }
    for (const name of [...settled, ...again]) {
      if (!this.#following.has(name)) void this.#follow(name);
    }
  }

  /** A volume that is no longer mounted looks like a repository from which everything was removed. */
  #refuseLostMount({ device, entryCount }: RepositoryScan): void {
    const before = this.#scan;
    if (before === undefined || before.device === device || entryCount > 0) return;
    throw new RuntimeError(
      "temporarily-unavailable",
      "the repository is empty and on another device than before: its volume is probably not mounted, so no model " +
        "is unloaded",
    );
  }

  async #follow(name: string): Promise<void> {
    const { models, log } = this.#parts;
    const { signal } = this.#abort;
    const state = this.#states.get(name);
    this.#following.add(name);
    try {
      const isTaken = await models.follow(name, state, signal);
      if (!isTaken) return;
      this.#settling.drop(name, state);
      this.#counts.changes++;
      this.#failures.delete(name);
      log.info({ modelId: name }, "repository change taken");
    } catch (error) {
      if (signal.aborted) return;
      this.#settling.drop(name, state);
      const reason = describeError(error);
      const attempts = (this.#failures.get(name)?.attempts ?? 0) + 1;
      const pauseMs = Math.min(this.#parts.intervalMs * 2 ** attempts, longestPauseMs);
      const isPassing = error instanceof RuntimeError && passing.has(error.kind);
      const retryMs = isPassing ? performance.now() + pauseMs : Number.POSITIVE_INFINITY;
      this.#counts.failedChanges++;
      this.#failures.set(name, { state: models.taken.get(name), reason, attempts, retryMs });
      log.warn({ modelId: name, reason }, "repository change not taken");
    } finally {
      this.#following.delete(name);
    }
  }

  #wait(): void {
    if (this.#abort.signal.aborted) return;
    const pauseMs = Math.max(this.#parts.intervalMs, maxShare * this.#tookMs);
    this.#timer = setTimeout(() => void this.poll().then(() => this.#wait()), pauseMs).unref();
  }
}
