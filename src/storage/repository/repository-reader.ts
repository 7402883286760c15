import { stat } from "node:fs/promises";
import { listModelRepository, type RepositoryListing } from "./model-repository.ts";

/** How old a list may be that somebody is shown, at least. */
const maxAgeMs = 1_000;
/** …and as a multiple of what it takes to make one, so that those who ask all the time cost a twentieth of
 *  a core at most, however large the repository and slow its disk. */
const maxAgeInReads = 20;

interface Reading {
  readonly listing: RepositoryListing;
  readonly directoryState: string | undefined;
  readonly endedMs: number;
  readonly tookMs: number;
}

/** The list of a model repository, read once for all who want it at the same time. */
export class RepositoryReader {
  readonly #directory: string;
  readonly #extensions: readonly string[];
  readonly #read: typeof listModelRepository;
  #last: Reading | undefined;
  #running: Promise<Reading> | undefined;
  /** Begins when the running one has ended. */
  #next: Promise<Reading> | undefined;

  constructor(
    directory: string,
    extensions: readonly string[],
    read: typeof listModelRepository = listModelRepository,
  ) {
    this.#directory = directory;
    this.#extensions = extensions;
    this.#read = read;
  }

  /** As the disk is after the call. Rejects as `listModelRepository`. */
  async fresh(): Promise<RepositoryListing> {
    if (this.#running === undefined) return (await this.#start()).listing;
    // What has begun may have passed the very entry that the caller is after.
    this.#next ??= this.#running.then(
      () => this.#startNext(),
      () => this.#startNext(),
    );
    return (await this.#next).listing;
  }

  /** As the disk was a moment ago; what has come or gone in the directory itself since then is seen at once. */
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
    // Taken first: what changes while the list is made must not pass for seen.
    const directoryState = await stateOf(this.#directory);
    const listing = await this.#read(this.#directory, this.#extensions);
    const endedMs = performance.now();
    this.#last = { listing, directoryState, endedMs, tookMs: endedMs - startedMs };
    return this.#last;
  }
}

function isYoung({ endedMs, tookMs }: Reading): boolean {
  return performance.now() - endedMs < Math.max(maxAgeMs, maxAgeInReads * tookMs);
}

/** Changes when names come to a directory or leave it. */
async function stateOf(directory: string): Promise<string | undefined> {
  const found = await stat(directory, { bigint: true }).catch(() => undefined);
  return found && `${found.dev}:${found.ino}:${found.mtimeNs}`;
}
