/** The changes since a revision. Rows are complete; the longest unchanged comes first. */
export interface Changes<Row, Event> {
  /** The revision that these changes lead to. */
  readonly revision: number;
  readonly rows: readonly Row[];
  readonly removed: readonly number[];
  /** Oldest first. */
  readonly events: readonly Event[];
}
