/** XGBoost's JSON of a regression model of two columns. Each of its trees is complete, splits at 0, 1, 2 and so on,
 *  and gives `leaf` whatever the row is: all together give `trees` times `leaf`. `leaf` is a small dyadic number, so that
 *  the sum is exact. */
export function xgboostJson({
  leaf,
  trees = 1,
  depth = 1,
}: {
  readonly leaf: number;
  readonly trees?: number;
  readonly depth?: number;
}): Buffer {
  const tree = completeTree(depth, leaf);
  const model = {
    gbtree_model_param: { num_parallel_tree: "1", num_trees: String(trees) },
    iteration_indptr: Array.from({ length: trees + 1 }, (_, at) => at),
    tree_info: Array.from({ length: trees }, () => 0),
    trees: Array.from({ length: trees }, (_, id) => ({ ...tree, id })),
  };
  return Buffer.from(
    JSON.stringify({
      learner: {
        attributes: {},
        feature_names: ["age", "income"],
        feature_types: ["float", "float"],
        gradient_booster: { model, name: "gbtree" },
        learner_model_param: {
          base_score: "[0E0]",
          boost_from_average: "1",
          num_class: "0",
          num_feature: "2",
          num_target: "1",
        },
        objective: { name: "reg:squarederror", reg_loss_param: { scale_pos_weight: "1" } },
      },
      version: [3, 4, 1],
    }),
  );
}

/** Nodes in the order of a heap. */
function completeTree(depth: number, leaf: number): object {
  const inner = 2 ** depth - 1;
  const nodes = 2 * inner + 1;
  const each = <Value>(of: (at: number) => Value) =>
    Array.from({ length: nodes }, (_, at) => of(at));
  return {
    base_weights: each(() => 0),
    categories: [],
    categories_nodes: [],
    categories_segments: [],
    categories_sizes: [],
    default_left: each(() => 0),
    left_children: each((at) => (at < inner ? 2 * at + 1 : -1)),
    loss_changes: each(() => 0),
    parents: each((at) => (at === 0 ? 2_147_483_647 : Math.floor((at - 1) / 2))),
    right_children: each((at) => (at < inner ? 2 * at + 2 : -1)),
    split_conditions: each((at) => (at < inner ? at : leaf)),
    split_indices: each((at) => (at < inner ? at % 2 : 0)),
    split_type: each(() => 0),
    sum_hessian: each(() => 1),
    tree_param: {
      num_deleted: "0",
      num_feature: "2",
      num_nodes: String(nodes),
      size_leaf_vector: "1",
    },
  };
}
