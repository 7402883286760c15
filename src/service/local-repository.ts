import { abortable } from "../base/abort.ts";
import type { CancelSignal } from "../base/cancel-signal.ts";
import { describeError, RuntimeError } from "../base/errors.ts";
import type { NamedModel } from "../config/hosting/named-models.ts";
import type { ModelNames } from "../models/names.ts";
import type { VersionNames } from "../models/version-names.ts";
import type { Logger } from "../observe/log.ts";
import { RepositoryScanner } from "../storage/polling/repository-scanner.ts";
import type { RepositoryEntry, RepositoryListing } from "../storage/repository/model-repository.ts";
import { listNamedModels } from "../storage/repository/named-listing.ts";
import { RepositoryReader } from "../storage/repository/reader.ts";
import type { ModelIndexEntry, ModelSpec } from "./contract/models.ts";
import type { PollingFigures } from "./contract/polling-figures.ts";
import { splitVersionedId, versionedId } from "./lifecycle/model-name.ts";
import { type EntryState, readEntryState } from "./polling/entry-state.ts";
import { noPolling } from "./polling/no-polling.ts";
import { RepositoryPoller } from "./polling/repository-poller.ts";
import { RepositoryRemarks } from "./repository-remarks.ts";

/** What the local repository needs from the loaded models. */
export interface RepositoryOwner {
  /** Loads a record that stays through the purge of runtimeStatus. `isBeside`: the older generation serves until the
   *  new one is ready. */
  loadPinned(spec: ModelSpec, signal: CancelSignal, isBeside: boolean): Promise<unknown>;
  unloadRecord(id: string): Promise<void>;
  isServing(id: string): boolean;
  readonly versionNames: VersionNames;
  /** Ids of the records of all versions of `name` that are loaded or loading. */
  recordIdsOf(name: string): readonly string[];
}

interface LoadOptions {
  /** Taken before the disk was read. */
  readonly turn: number;
  readonly isBeside: boolean;
}

/** Timers may fire this early by the clock of the ban. */
const clockSlackMs = 50;

/** The models of a local directory and those that the operator named, which are served without a load request:
 *  standalone mode. */
export class LocalRepository {
  /** Undefined if there is neither a repository nor a named model. */
  readonly #reader: RepositoryReader | undefined;
  readonly #host: RepositoryOwner;
  readonly #remarks: RepositoryRemarks;
  /** Record id → why its last load failed. */
  readonly #failures = new Map<string, string>();
  /** Name → the turn of the newest load that found it on disk. */
  readonly #newest = new Map<string, number>();
  #lastTurn = 0;
  /** Name → when it will be loaded again. */
  readonly #comebacks = new Map<string, NodeJS.Timeout>();
  /** Name → the state of its files when it was last loaded, or tried. */
  readonly #taken = new Map<string, string>();
  readonly #directory: string | undefined;
  readonly #log: Logger;
  #poller: RepositoryPoller | undefined;
  #polling = noPolling("");

  /** `directory`: absolute; undefined if there is no repository. `named`: models besides those in it. */
  constructor(
    parts: {
      readonly directory: string | undefined;
      readonly named?: readonly NamedModel[] | undefined;
      readonly modelKinds: readonly ModelNames[];
      readonly log: Logger;
    },
    host: RepositoryOwner,
  ) {
    const { directory, named = [], modelKinds, log } = parts;
    this.#directory = directory;
    this.#log = log;
    if (named.length > 0) {
      // Changes of named models are not seen in the state of one directory: it reads them each time.
      this.#reader = new RepositoryReader("", modelKinds, (_, kinds) =>
        listNamedModels({ named, directory }, kinds),
      );
    } else if (directory !== undefined) {
      this.#reader = new RepositoryReader(directory, modelKinds);
    }
    this.#host = host;
    this.#remarks = new RepositoryRemarks(log);
  }

  get polling(): PollingFigures {
    return this.#poller?.figures() ?? this.#polling;
  }

  /** Follows the changes of the directory from now on. `obstacle`: why it must not be followed. */
  startPolling(intervalMs: number, obstacle: string | undefined): void {
    if (intervalMs === 0 || this.#poller !== undefined) return;
    const why = this.#directory === undefined ? "MODEL_REPOSITORY is not set" : obstacle;
    if (this.#directory === undefined || why !== undefined) {
      this.#polling = noPolling(why ?? "");
      this.#log.warn({ reason: why }, "repository is not polled");
      return;
    }
    const scanner = new RepositoryScanner(this.#directory);
    const models = {
      states: () => this.#states(),
      taken: this.#taken,
      follow: (name: string, state: string | undefined, signal: CancelSignal) =>
        this.#follow(name, state, signal),
    };
    this.#poller = new RepositoryPoller({ scanner, models, intervalMs, log: this.#log });
    this.#poller.start();
  }

  /** Loads every model in the repository. Returns one line per failed model; a failure does not stop the
   *  others. */
  async loadAll(signal: CancelSignal): Promise<string[]> {
    const turn = ++this.#lastTurn;
    const failures: string[] = [];
    const { models } = await this.#read();
    const loads = models.map(async (entry) => {
      try {
        const state = await readEntryState(entry);
        await this.#load(entry, state, signal, { turn, isBeside: false });
      } catch (error) {
        failures.push(`${entry.id}: ${describeError(error)}`);
      }
    });
    await Promise.all(loads);
    return failures;
  }

  /** A model, or one of its versions, was given up for `banMs`. It has to be loaded again from here: without
   *  ModelMesh, no client requests models that are missing. */
  comeBackAfter(recordId: string, banMs: number): void {
    const { name } = splitVersionedId(recordId);
    this.#dropComeback(name);
    // A failure of this load is in the log, and waiting would not help.
    const comeBack = () => void this.load(name, new AbortController().signal).catch(() => {});
    this.#comebacks.set(name, setTimeout(comeBack, banMs + clockSlackMs).unref());
  }

  close(): void {
    this.#poller?.close();
    for (const name of this.#comebacks.keys()) this.#dropComeback(name);
  }

  async load(name: string, signal: CancelSignal): Promise<void> {
    this.#dropComeback(name);
    const turn = ++this.#lastTurn;
    const { models, ignored } = await abortable(this.#read(), signal);
    const entry = models.find(({ id }) => id === name);
    if (entry === undefined) {
      const why = ignored.find((each) => each.name === name)?.why;
      const detail = why === undefined ? "" : `: the entry of this name is not a model: ${why}`;
      const message = `model '${name}' is not in the model repository${detail}`;
      throw new RuntimeError("model-not-found", message);
    }
    const state = await abortable(readEntryState(entry), signal);
    await this.#load(entry, state, signal, { turn, isBeside: false });
  }

  async unload(name: string): Promise<void> {
    if (this.#reader === undefined) throw noRepository();
    const ids = this.#host.recordIdsOf(name);
    if (ids.length === 0 && !this.#dropComeback(name)) {
      throw new RuntimeError("model-not-found", `model '${name}' is not loaded`);
    }
    this.#dropComeback(name);
    await Promise.all(ids.map((id) => this.#host.unloadRecord(id)));
  }

  /** Returns whether there was one. */
  #dropComeback(name: string): boolean {
    clearTimeout(this.#comebacks.get(name));
    return this.#comebacks.delete(name);
  }

  /** The models in it that are not loaded, as of a moment ago. `isLoaded`: by record id. */
  async unavailable(isLoaded: (id: string) => boolean): Promise<ModelIndexEntry[]> {
    if (this.#reader === undefined) return [];
    let models: readonly RepositoryEntry[];
    try {
      const listing = await this.#reader.recent();
      this.#remarks.on(listing);
      ({ models } = listing);
    } catch (error) {
      // Loaded models are served all the same, and clients that load one receive the error.
      this.#remarks.onUnreadable(error);
      return [];
    }
    const missing: ModelIndexEntry[] = [];
    for (const { id: name, versions, refusal } of models) {
      if (refusal !== undefined && this.#host.recordIdsOf(name).length === 0) {
        missing.push({ name, version: "", state: "UNAVAILABLE", reason: refusal.message });
      }
      for (const { version } of versions) {
        const id = versionedId(name, version);
        const reason = this.#failures.get(id) ?? "not loaded";
        if (!isLoaded(id)) missing.push({ name, version, state: "UNAVAILABLE", reason });
      }
    }
    return missing;
  }

  async #states(): Promise<ReadonlyMap<string, string>> {
    const { models } = await this.#read();
    const states = models.map(
      async (entry) => [entry.id, (await readEntryState(entry)).text] as const,
    );
    return new Map(await Promise.all(states));
  }

  /** As `PolledModels.follow`. */
  async #follow(name: string, wanted: string | undefined, signal: CancelSignal): Promise<boolean> {
    const turn = ++this.#lastTurn;
    const { models } = await this.#read();
    const entry = models.find(({ id }) => id === name);
    const state = entry && (await readEntryState(entry));
    signal.throwIfAborted();
    if (state?.text !== wanted) return false;
    this.#dropComeback(name);
    if (entry !== undefined && state !== undefined) {
      await this.#load(entry, state, signal, { turn, isBeside: true });
      return true;
    }
    this.#taken.delete(name);
    await Promise.all(this.#host.recordIdsOf(name).map((id) => this.#host.unloadRecord(id)));
    this.#host.versionNames.forget(name);
    return true;
  }

  /** Loads all versions in parallel, then unloads those that are to be served no more. */
  async #load(
    entry: RepositoryEntry,
    { text, keys }: EntryState,
    signal: CancelSignal,
    { turn, isBeside }: LoadOptions,
  ): Promise<void> {
    this.#taken.set(entry.id, text);
    if (entry.refusal !== undefined) throw entry.refusal;
    this.#newest.set(entry.id, Math.max(turn, this.#newest.get(entry.id) ?? 0));
    const outcomes = await Promise.allSettled(
      entry.versions.map(async ({ version, path }) => {
        const id = versionedId(entry.id, version);
        this.#failures.delete(id);
        try {
          // Changed files make another key, which replaces the model.
          const spec = { id, path, type: "", key: keys.get(version) ?? "" };
          await this.#host.loadPinned(spec, signal, isBeside);
        } catch (error) {
          this.#failures.set(id, describeError(error));
          throw error;
        }
      }),
    );
    signal.throwIfAborted();
    // A newer load has read the disk later, and may have found what this one missed.
    if (this.#newest.get(entry.id) === turn) {
      const left = this.#renameVersions(entry);
      await abortable(Promise.all(left.map((id) => this.#host.unloadRecord(id))), signal);
    }
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  /** Gives aliases their new meaning. Returns the ids of the versions that nobody means any more. */
  #renameVersions({ id: name, versions, aliases, policy }: RepositoryEntry): string[] {
    const { versionNames } = this.#host;
    const serves = (version: string) => this.#host.isServing(versionedId(name, version));
    const before = versionNames.of(name).aliases;
    const meant = new Map<string, string>();
    for (const [alias, version] of aliases ?? []) {
      const old = before.get(alias);
      // A version that did not load leaves the alias where it was.
      meant.set(alias, old !== undefined && !serves(version) && serves(old) ? old : version);
    }
    versionNames.set(name, { aliases: meant, policy });
    // Until one of those that are wanted serves, the old ones do.
    if (!versions.some(({ version }) => serves(version))) return [];
    const kept = new Set([...versions.map(({ version }) => version), ...meant.values()]);
    return this.#host.recordIdsOf(name).filter((id) => !kept.has(splitVersionedId(id).version));
  }

  async #read(): Promise<RepositoryListing> {
    if (this.#reader === undefined) throw noRepository();
    const listing = await this.#reader.fresh();
    this.#remarks.on(listing);
    return listing;
  }
}

function noRepository(): RuntimeError {
  return new RuntimeError(
    "failed-precondition",
    "this runtime serves no local model repository: neither MODEL_REPOSITORY nor MODEL_PATH is set",
  );
}
