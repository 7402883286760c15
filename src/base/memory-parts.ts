/** How the container's memory is divided, in bytes. The parts do not overlap, and add up to the whole. */
export interface MemoryDivision {
  /** The private memory that the server and all of its processes may take together. */
  readonly container: number;
  /** Models between runs: the capacity that ModelMesh is told. */
  readonly models: number;
  /** All runs in all hosts together, beyond that; 0: no limit, and no part. */
  readonly runs: number;
  /** Calls in the server, from their first byte to the last byte of their response. */
  readonly payloads: number;
  /** The server without models and calls. */
  readonly server: number;
  /** The shared hosts and the spare one, without models and runs, and what shared ones may waste. A dedicated
   *  host counts as part of its model. */
  readonly hosts: number;
}
