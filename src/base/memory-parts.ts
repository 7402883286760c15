/** Whom the memory of the container belongs to, in bytes. The parts do not overlap, and are the whole. */
export interface MemoryDivision {
  /** The private memory that the server and all of its processes may take together. */
  readonly container: number;
  /** What models hold between runs: the capacity, as ModelMesh is told. */
  readonly models: number;
  /** What runs take beyond that, all of them at once, in all hosts; 0: they have no limit, and no part. */
  readonly runs: number;
  /** What the server holds of calls, from their first byte to the last of their answer. */
  readonly payloads: number;
  /** The server without models and calls. */
  readonly server: number;
  /** The shared hosts and the spare one without models and runs, and what shared ones may waste. A host of one
   *  model is a part of that model. */
  readonly hosts: number;
}
