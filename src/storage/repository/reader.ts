import { stat } from "node:fs/promises";
import type { ModelNames } from "../../models/names.ts";
import { listModelRepository, type RepositoryListing } from "./model-repository.ts";

/** The minimum age up to which a cached list may be shown. */
const maxAgeMs = 1_000;
/** The same as a multiple of the time that a listing takes, so that constant polling costs at most a twentieth
 *  of a core, however large the repository and slow its disk. */
const maxAgeInReads = 20;

interface Reading {
  readonly listing: RepositoryListing;
  readonly directoryState: string | undefined;
  readonly endedMs: number;
  readonly tookMs: number;
}

/** The list of a model repository, read once for all parties that want it at the same time. */
export class RepositoryReader {
  readonly #directory: string;
  readonly #kinds: readonly ModelNames[];
  readonly #read: typeof listModelRepository;
  #last: Reading | undefined;
  #running: Promise<Reading> | undefined;
  /** Begins when the current one has ended. */
  #next: Promise<Reading> | undefined;

  constructor(
    directory: string,
    kinds: readonly ModelNames[],
    read: typeof listModelRepository = listModelRepository,
  ) {
    this.#directory = directory;
    this.#kinds = kinds;
    this.#read = read;
  }

  /** The state of the disk after the call. Rejects like `listModelRepository`. */
  async fresh(): Promise<RepositoryListing> {
    if (this.#running === undefined) return (await this.#start()).listing;
    // A running listing may have passed the very entry that the caller needs.
    this.#next ??= this.#running.then(
      () => this.#startNext(),
      () => this.#startNext(),
    );
    return (await this.#next).listing;
  }

  /** The state of the disk a moment ago; entries added to or removed from the directory itself since then are
   *  seen at once. */
  async recent(): Promise<RepositoryListing> {
    if (this.#running !== undefined) return (await this.#running).listing;
    const last = this.#last;
    if (last !== undefined && isYoung(last)) {
      const now = await stateOf(this.#directory);
      if (now !== undefined && now === last.directoryState) return last.listing;
    }
    return (await (this.#running ?? this.#start())).listing;
  }

  #startNext(): Promise<Reading> {
    this.#next = undefined;
    return this.#start();
  }

  #start(): Promise<Reading> {
    const running = this.#readOnce().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #readOnce(): Promise<Reading> {
    const startedMs = performance.now();
    // Read first: changes during the listing must not count as seen.
    const directoryState = await stateOf(this.#directory);
    const listing = await this.#read(this.#directory, this.#kinds);
    const endedMs = performance.now();
    this.#last = { listing, directoryState, endedMs, tookMs: endedMs - startedMs };
    return this.#last;
  }
}

function isYoung({ endedMs, tookMs }: Reading): boolean {
  return performance.now() - endedMs < Math.max(maxAgeMs, maxAgeInReads * tookMs);
}

/** Changes when entries are added to or removed from a directory. */
async function stateOf(directory: string): Promise<string | undefined> {
  const found = await stat(directory, { bigint: true }).catch(() => undefined);
  return found && `${found.dev}:${found.ino}:${found.mtimeNs}`;
}
