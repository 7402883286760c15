import { describeError } from "../base/errors.ts";
import type { Logger } from "../observe/log.ts";
import type { RepositoryListing } from "../storage/repository/model-repository.ts";

/** Logs what is odd in the local repository: once per change, not on every listing. */
export class RepositoryRemarks {
  readonly #log: Logger;
  /** The remarks on the last listing. */
  #told: ReadonlySet<string> = new Set();
  #last: RepositoryListing | undefined;
  #unreadable: string | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  on(listing: RepositoryListing): void {
    this.#unreadable = undefined;
    // Most listings are the cached one, which may be long.
    if (listing === this.#last) return;
    this.#last = listing;
    const { models, ignored, doubles } = listing;
    const now = new Set<string>();
    const once = (key: string, tell: () => void) => {
      now.add(key);
      if (!this.#told.has(key)) tell();
    };
    for (const { name, why } of ignored) {
      once(JSON.stringify(["ignored", name, why]), () =>
        this.#log.debug({ entry: name, reason: why }, "repository entry ignored"),
      );
    }
    for (const double of doubles) {
      once(JSON.stringify(double), () =>
        this.#log.warn(
          { modelId: double.id, path: double.served, ignored: double.ignored },
          "two models of one name in the repository",
        ),
      );
    }
    if (models.length === 0 && ignored.length > 0) {
      const [first] = ignored;
      once("none", () =>
        this.#log.warn(
          { entries: ignored.length, reason: `${first?.name}: ${first?.why}` },
          "repository has no models",
        ),
      );
    }
    this.#told = now;
  }

  onUnreadable(error: unknown): void {
    const reason = describeError(error);
    if (reason === this.#unreadable) return;
    this.#unreadable = reason;
    this.#log.warn({ reason }, "model repository could not be read");
  }
}
