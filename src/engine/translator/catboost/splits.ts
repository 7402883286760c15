import type { CatboostModel } from "./catboost-model.ts";
import { malformed, refusal } from "./catboost-refusal.ts";

/** Borders of all numeric features in one row: what split i compares. */
export interface Splits {
  readonly column: Int32Array;
  readonly border: Float32Array;
  readonly nanIsTrue: Uint8Array;
}

/** Throws RuntimeError "invalid-argument" for a border that is no number. */
export function splitsOf({ features }: CatboostModel): Splits {
  const length = features.reduce((sum, { borders }) => sum + borders.length, 0);
  const column = new Int32Array(length);
  const border = new Float32Array(length);
  const nanIsTrue = new Uint8Array(length);
  let start = 0;
  for (const feature of features) {
    if (feature.borders.some(Number.isNaN)) {
      throw malformed(`feature ${feature.column} has a border that is not a number`);
    }
    const end = start + feature.borders.length;
    border.set(feature.borders, start);
    column.fill(feature.column, start, end);
    nanIsTrue.fill(feature.nanIsTrue ? 1 : 0, start, end);
    start = end;
  }
  return { column, border, nanIsTrue };
}

/** Throws for a split that does not compare a number: categories, their statistics and what is made of texts come after
 *  the numbers. */
export function checkSplit(
  split: number,
  { splits, model, name }: { splits: Splits; model: CatboostModel; name: string },
): void {
  if (split >= 0 && split < splits.column.length) return;
  const { otherFeature } = model;
  if (split < 0 || otherFeature === undefined) {
    throw malformed(`${name} has split ${split}, but there are ${splits.column.length} borders`);
  }
  const { kind, column } = otherFeature;
  throw refusal(
    `decides by ${kind} features (feature ${column}), and only numeric ones are supported: ` +
      "train it on numbers, such as categories encoded as integers without cat_features",
  );
}
