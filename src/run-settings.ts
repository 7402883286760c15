/** How the inferences of one model wait, run side by side and are joined. */
export interface RunSettings {
  /** Rows (of axis 0) that requests joined into one run may have together; below 2 nothing is joined.
   *  A request with more rows of its own runs all the same, alone. */
  readonly maxBatchSize: number;
  /** How long a request may wait for others to join it, in microseconds; 0: only what waits anyhow is
   *  joined. Timers tick in milliseconds, so that other values are rounded up to whole ones. */
  readonly maxQueueDelayMicroseconds: number;
  /** Requests that may wait; more are "overloaded". */
  readonly maxQueueSize: number;
  /** Requests that would wait for longer, as far as can be told, are "overloaded" at once, in
   *  milliseconds; 0: they wait all the same; undefined: for 2,000, or for 64 requests if these take longer. */
  readonly maxQueueWaitMs: number | undefined;
  /** A request that has waited for so long is "overloaded", in microseconds; 0: it waits on. */
  readonly queueTimeoutMicroseconds: number;
  /** A run that keeps the host for longer is given up, and ends the host unless it ends in a moment, in
   *  milliseconds; 0: it may take as long as it likes. */
  readonly maxRunMs: number;
  /** Requests that may be in the host at once, 0: any number. The others wait. */
  readonly maxConcurrency: number;
  /** Rows, at most, of the runs on zeros that a load ends with, so that the memory of a model in use is
   *  what is reported; 0: the load ends without. No more than `maxBatchSize` are taken, either. */
  readonly warmupBatchSize: number;
}

/** Of the files beside models that hold their settings, or the end of it: see `findSettingsFile`. */
export const settingsFileName = "modelport.json";

export const defaultRunSettings: RunSettings = Object.freeze({
  maxBatchSize: 64,
  maxQueueDelayMicroseconds: 0,
  maxQueueSize: 1_024,
  maxQueueWaitMs: undefined,
  queueTimeoutMicroseconds: 0,
  maxRunMs: 300_000,
  maxConcurrency: 0,
  warmupBatchSize: 64,
});
