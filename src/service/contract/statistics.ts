/** A count, and the sum of the durations of what was counted, in nanoseconds. */
export interface DurationSum {
  readonly count: number;
  readonly ns: bigint;
}

/** Where the time of successful inferences went. Requests that were answered together count the time of their common
 *  run each. */
export interface PhaseStatistics {
  /** Until the engine host turned to them, there and here. Those that a cache answered have waited for nothing. */
  readonly queue: DurationSum;
  /** From there to the engine's start: inputs are joined, sent and read. */
  readonly computeInput: DurationSum;
  /** The engine's run. */
  readonly computeInfer: DurationSum;
  /** Outputs are written, sent and read. */
  readonly computeOutput: DurationSum;
  /** Requests of which a cache had everything, and its time; of text models only. */
  readonly cacheHit: DurationSum;
  /** Requests of which it had not. */
  readonly cacheMiss: DurationSum;
}

/** Runs of the engine with this number of rows. */
export interface BatchStatistics {
  readonly rows: number;
  readonly computeInput: DurationSum;
  readonly computeInfer: DurationSum;
  readonly computeOutput: DurationSum;
}

/** Counts since the model was loaded. */
export interface ModelStatistics extends PhaseStatistics {
  readonly name: string;
  readonly version: string;
  /** Milliseconds since 1970; 0 if it has never run. */
  readonly lastInferenceMs: number;
  /** Rows of the requests that were answered by runs; a request for a model whose requests are never joined is one. */
  readonly inferenceCount: number;
  /** Runs of the engine. */
  readonly executionCount: number;
  readonly success: DurationSum;
  readonly fail: DurationSum;
  /** By rows, smallest first. Of very many sizes, not all are there. */
  readonly batches: readonly BatchStatistics[];
  /** What the model holds. */
  readonly memoryBytes: number;
}
