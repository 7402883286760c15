import type { FloatType } from "./tensor.ts";
import type { Tree } from "./tree.ts";

export interface ForestOptions {
  /** What messages call the model, such as "XGBoost model". */
  readonly what: string;
  /** Of thresholds, leaves and sums, and of the input. */
  readonly type: FloatType;
  /** Columns of the input. */
  readonly columns: number;
  /** Columns of the output. */
  readonly targets: number;
  readonly maxSplits: number;
  /** Columns that `wholeCategories` has prepared, with their number of categories. Their sets may be written as
   *  their complements, which saves time where those are smaller. */
  readonly categories?: ReadonlyMap<number, number>;
}

/** Trees of one TreeEnsemble node. All of them are added up per target, in the order given, in `type`. */
export class ForestBuilder {
  readonly options: ForestOptions;

  constructor(options: ForestOptions) {
    this.options = options;
  }

  /** Inner nodes so far, copies for several targets included. */
  get splits(): number {
    return 0;
  }

  /** Adds `value` to every row. To start a sum from it, call this before `addTree`. */
  addConstant(_target: number, _value: number): void {}

  /** Throws RuntimeError "invalid-argument" if a child is out of range or has two parents, if the depth exceeds 4,096,
   *  a column does not exist, a leaf is not finite, a set is malformed, or there are too many splits. `name`: what
   *  messages call the tree, such as "tree 5". Copies what it needs. */
  addTree(_tree: Tree, _name: string): void {}
}
