import type { Objective } from "./objective.ts";

/** A file as far as predictions need it. Trees are checked where they are written. */
export interface LightgbmModel {
  /** Of the format: "v3" of LightGBM 3, "v4" of LightGBM 4. */
  readonly version: string;
  /** Columns of the data. */
  readonly columns: number;
  /** One for each column, from the file; "Column_0" and so on if the data had none. */
  readonly featureNames: readonly string[];
  readonly objective: Objective;
  /** Scores per row. Tree i adds to score i modulo this. */
  readonly outputs: number;
  /** Whether answers are means over the rounds (random forests). Raw scores are sums nevertheless. */
  readonly averages: boolean;
  readonly trees: readonly LightgbmTree[];
  /** Columns that were of pandas' type category -> what its codes stand for, in their order. */
  readonly pandasCategories: ReadonlyMap<number, readonly unknown[]>;
}

/** One block "Tree=…". Node v < `leaves` - 1 is inner; a negative child is leaf ~v. Without inner nodes, leaf 0 is
 *  the tree. */
export interface LightgbmTree {
  readonly leaves: number;
  readonly feature: Int32Array;
  /** Of a categorical node: which set. */
  readonly threshold: Float64Array;
  /** Bits of `decisionBits`, one byte per inner node. */
  readonly decision: Uint8Array;
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly leafValue: Float64Array;
  /** Set i has words `setBounds[i]` to `setBounds[i + 1]` of `setWords`. */
  readonly setBounds: Int32Array;
  /** Bit sets of category codes, 32 per word. */
  readonly setWords: Uint32Array;
}

export const decisionBits = {
  /** The code is in the node's set -> left. */
  categorical: 1,
  defaultLeft: 2,
  /** Missing type: these bits shifted right by 2. */
  missing: 12,
} as const;

/** What counts as missing for a column. */
export const missingType = { none: 0, zero: 1, nan: 2 } as const;

export function missingTypeOf(decision: number): number {
  return (decision & decisionBits.missing) >> 2;
}
