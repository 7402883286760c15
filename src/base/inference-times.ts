/** What one inference waited for, filled in by whoever it passes on its way down. Points in time by
 *  `performance.now()`; those that it never came to stay 0. A request that is run again, because its batch
 *  or its host failed, has the times of its last run. */
export class InferenceTimes {
  /** Taken in by the queue of its model. */
  queuedAtMs = 0;
  /** Sent to the engine host, alone or in a batch. */
  sentAtMs = 0;
  /** Its answer has arrived from there. */
  answeredAtMs = 0;
  /** Of that, how long the engine ran, by the clock on the wall of the host. */
  computeMs = 0;
  /** Requests in the run that answered it. */
  batchSize = 0;
}
