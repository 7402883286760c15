/** The times of one inference, filled in by each part that it passes. Points in time are by
 *  `performance.now()`; those that it never reached stay 0. A request that is run again, because its batch or
 *  its host failed, has the times of its last run. */
export class InferenceTimes {
  /** When its model's queue accepted it. */
  queuedAtMs = 0;
  /** When it was sent to the engine host, alone or in a batch. */
  sentAtMs = 0;
  /** When its response arrived from there. */
  answeredAtMs = 0;
  /** How long the engine ran within that, by the host's wall clock. */
  computeMs = 0;
  /** Requests in the run that served it. */
  batchSize = 0;
}
