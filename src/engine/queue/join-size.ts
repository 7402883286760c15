/** How much of what waits one run takes. */
export interface JoinSize {
  /** Bytes of inputs that a run of several requests has at most; undefined: any number. */
  readonly mostBytes: number | undefined;
  /** Rows allowed in a run that starts with a request of `rows`: at least `rows`. */
  rowsFor(rows: number): number;
  /** One run of `rows` rows (at least 1) took the host `runMs` of CPU time. */
  record(rows: number, runMs: number): void;
}

/** For models whose rows cost as much as they have bytes. What a run saves is known, so nothing is learnt: the cost of
 *  a row says more about its length than about the run that it was in. */
export class JoinedBytes implements JoinSize {
  readonly mostBytes: number;
  readonly #maxRows: number;

  constructor(maxRows: number, mostBytes: number) {
    this.#maxRows = maxRows;
    this.mostBytes = mostBytes;
  }

  rowsFor(rows: number): number {
    return Math.max(rows, this.#maxRows);
  }

  record(): void {}
}
