/** A file as far as predictions need it, whichever form it has. */
export interface CatboostModel {
  /** Of the library, such as "1.2.10"; "" if the file does not say it. */
  readonly version: string;
  readonly features: readonly FloatFeature[];
  /** Columns of the data, those included that the trees do not read. */
  readonly columns: number;
  /** The first categorical, text or embedding feature, for messages. */
  readonly otherFeature: OtherFeature | undefined;
  /** Values per leaf. */
  readonly dimension: number;
  readonly trees: readonly CatboostTree[];
  /** Scores are `scale` times the sum of the leaves, plus `bias`, which has an element per dimension. */
  readonly scale: number;
  readonly bias: readonly number[];
  readonly info: ModelInfo;
}

export interface FloatFeature {
  readonly column: number;
  /** "" if the data had no names. */
  readonly name: string;
  /** In the order of the splits that compare with them: x > border. */
  readonly borders: Float32Array;
  readonly nanIsTrue: boolean;
}

export interface OtherFeature {
  readonly kind: "categorical" | "text" | "embedding";
  readonly column: number;
}

/** Splits are numbers of borders, counted over all features. */
export type CatboostTree =
  | {
      readonly kind: "symmetric";
      /** Split i of a row decides bit i of its leaf. */
      readonly splits: Int32Array;
      /** `dimension` values for each of the 2^splits leaves. */
      readonly values: Float64Array;
    }
  | {
      readonly kind: "branching";
      /** A node is a leaf if `right` is negative. Node 0 is the root. */
      readonly split: Int32Array;
      /** Where a row goes whose value is greater than the border. */
      readonly right: Int32Array;
      readonly left: Int32Array;
      /** `dimension` values for each node; those of leaves count. */
      readonly values: Float64Array;
    };

/** What the file records of the training. */
export interface ModelInfo {
  /** Name of the loss function; "" if unknown. */
  readonly loss: string;
  /** Of classifiers: their classes, in the order of the scores; of one with several labels, the labels. */
  readonly classes: readonly string[] | readonly number[] | readonly boolean[] | undefined;
  /** The probability from which on the second of two classes is answered. */
  readonly threshold: number;
}

/** Columns that a row must have for these features. */
export function columnCount(features: Iterable<{ readonly column: number }>): number {
  let last = -1;
  for (const { column } of features) last = Math.max(last, column);
  return last + 1;
}
