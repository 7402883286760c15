/** What polling of the local repository does, for watchers. Times are milliseconds since 1970. */
export interface PollingFigures {
  /** "reading": a poll is under way. */
  readonly state: "off" | "waiting" | "reading";
  /** Why it is off although it was asked for, or why the latest poll failed, in one line; otherwise "". */
  readonly reason: string;
  readonly intervalMs: number;
  /** The end of the latest poll that succeeded; 0 if there is none. */
  readonly lastPollMs: number;
  /** How long that one took. */
  readonly tookMs: number;
  /** When the poll that is under way began; 0 if none is. */
  readonly readingSinceMs: number;
  readonly polls: number;
  readonly failedPolls: number;
  /** Changes of models that were taken, and that could not be. */
  readonly changes: number;
  readonly failedChanges: number;
  /** Models whose files have changed and have to settle, the longest first: some of `settlingCount`. */
  readonly settling: readonly { readonly name: string; readonly sinceMs: number }[];
  readonly settlingCount: number;
  /** Models whose latest change could not be taken: some of `failingCount`. */
  readonly failing: readonly { readonly name: string; readonly reason: string }[];
  readonly failingCount: number;
}
