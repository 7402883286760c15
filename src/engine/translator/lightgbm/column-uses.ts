import { decisionBits, type LightgbmModel, missingType, missingTypeOf } from "./lightgbm-model.ts";
import { malformed, refusal } from "./lightgbm-refusal.ts";
import { setOf, sizeOf } from "./sets.ts";

/** How the trees read the columns. */
export interface ColumnUses {
  /** Columns in which 0 is a missing value. */
  readonly zeroMissing: ReadonlySet<number>;
  /** Columns of categories -> how many there are: one more than the largest code in a set. */
  readonly categories: ReadonlyMap<number, number>;
}

const used = { none: 1, zero: 2, nan: 4, set: 8 } as const;

/** Throws RuntimeError "invalid-argument" for a column that the trees read in ways that exclude each other: models that
 *  were continued on other data have such. */
export function columnUses(model: LightgbmModel): ColumnUses {
  const uses = new Uint8Array(model.columns);
  const categories = new Map<number, number>();
  for (const [number, tree] of model.trees.entries()) {
    const { feature, decision } = tree;
    for (let node = 0; node < feature.length; node++) {
      const column = feature[node] as number;
      if (column < 0 || column >= model.columns) {
        throw malformed(
          `node ${node} of tree ${number} compares feature ${column}, but it has ${model.columns} features`,
        );
      }
      const bits = decision[node] as number;
      if ((bits & decisionBits.categorical) !== 0) {
        const words = setOf(tree, node);
        if (words === undefined) {
          throw malformed(`node ${node} of tree ${number} has no set of categories`);
        }
        uses[column] = (uses[column] as number) | used.set;
        categories.set(column, Math.max(categories.get(column) ?? 1, sizeOf(words)));
      } else {
        const use = useOf(missingTypeOf(bits));
        if (use === undefined) {
          throw malformed(`node ${node} of tree ${number} has the missing type 3, expected 0 to 2`);
        }
        uses[column] = (uses[column] as number) | use;
      }
    }
  }
  const zeroMissing = new Set<number>();
  for (let column = 0; column < uses.length; column++) {
    const use = uses[column] as number;
    const isMixed = (use & used.set) !== 0 ? use !== used.set : use !== used.zero;
    if (isMixed && (use & (used.set | used.zero)) !== 0) {
      const name = JSON.stringify(model.featureNames[column]);
      throw refusal(
        `reads feature ${column} (${name}) ${(use & used.set) !== 0 ? "as a category and as a number" : "with and without 0 as a missing value"}, ` +
          "which is not supported: train it anew instead of continuing it on data with other settings",
      );
    }
    if (use === used.zero) zeroMissing.add(column);
  }
  return { zeroMissing, categories };
}

function useOf(type: number): number | undefined {
  switch (type) {
    case missingType.none:
      return used.none;
    case missingType.zero:
      return used.zero;
    case missingType.nan:
      return used.nan;
    default:
      return undefined;
  }
}
