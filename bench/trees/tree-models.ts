import { Random } from "../../test/support/attacks/mutate.ts";

/** A model file made up from a seed: what its trees decide does not matter for how long they take. */
export interface TreeFile {
  readonly bytes: Uint8Array;
  /** Inner nodes of all its trees. */
  readonly splits: number;
}

export interface TreeShape {
  readonly trees: number;
  readonly columns: number;
  readonly seed: number;
}

/** A tree as LightGBM numbers it: children from 0 on are inner nodes, others leaves. */
interface RandomTree {
  readonly left: number[];
  readonly right: number[];
}

/** A binary classifier in LightGBM's text form, with trees of `leaves` leaves of random shape. */
export function lightgbmFile({
  trees,
  columns,
  seed,
  leaves,
}: TreeShape & { leaves: number }): TreeFile {
  const random = new Random(seed);
  const names = Array.from({ length: columns }, (_, column) => `Column_${column}`);
  const lines = [
    "tree",
    "version=v4",
    "num_class=1",
    "num_tree_per_iteration=1",
    "label_index=0",
    `max_feature_idx=${columns - 1}`,
    "objective=binary sigmoid:1",
    `feature_names=${names.join(" ")}`,
    `feature_infos=${names.map(() => "[0:1]").join(" ")}`,
    "",
  ];
  for (let tree = 0; tree < trees; tree++)
    lines.push(...lightgbmTree(random, { tree, leaves, columns }));
  lines.push("end of trees", "", "pandas_categorical:null", "");
  return { bytes: Buffer.from(lines.join("\n")), splits: trees * (leaves - 1) };
}

function lightgbmTree(
  random: Random,
  {
    tree,
    leaves,
    columns,
  }: { readonly tree: number; readonly leaves: number; readonly columns: number },
): string[] {
  const { left, right } = randomTree(random, leaves);
  const list = (length: number, value: () => number | string) =>
    Array.from({ length }, value).join(" ");
  const inner = leaves - 1;
  return [
    `Tree=${tree}`,
    `num_leaves=${leaves}`,
    "num_cat=0",
    `split_feature=${list(inner, () => random.below(columns))}`,
    `split_gain=${list(inner, () => random.below(10_000) / 100)}`,
    `threshold=${list(inner, () => fraction(random))}`,
    `decision_type=${list(inner, () => 2)}`,
    `left_child=${left.join(" ")}`,
    `right_child=${right.join(" ")}`,
    `leaf_value=${list(leaves, () => leafValue(random))}`,
    `leaf_weight=${list(leaves, () => fraction(random))}`,
    `leaf_count=${list(leaves, () => 20)}`,
    `internal_value=${list(inner, () => 0)}`,
    `internal_weight=${list(inner, () => 0)}`,
    `internal_count=${list(inner, () => 40)}`,
    "is_linear=0",
    "shrinkage=0.1",
    "",
    "",
  ];
}

/** Splits leaves at random until there are enough. */
function randomTree(random: Random, leaves: number): RandomTree {
  const left: number[] = [];
  const right: number[] = [];
  /** By leaf: which list refers to it, and where. */
  const places: { readonly list: number[]; readonly at: number }[] = [{ list: [], at: 0 }];
  for (let node = 0; node < leaves - 1; node++) {
    const leaf = random.below(places.length);
    const place = places[leaf] as { list: number[]; at: number };
    place.list[place.at] = node;
    left.push(~leaf);
    right.push(~places.length);
    places[leaf] = { list: left, at: node };
    places.push({ list: right, at: node });
  }
  return { left, right };
}

/** A binary classifier in XGBoost's JSON, with trees that are full down to `depth`. */
export function xgboostFile({
  trees,
  columns,
  seed,
  depth,
}: TreeShape & { depth: number }): TreeFile {
  const random = new Random(seed);
  const inner = 2 ** depth - 1;
  const model = {
    learner: {
      attributes: {},
      feature_names: [],
      feature_types: [],
      gradient_booster: {
        model: {
          gbtree_model_param: { num_parallel_tree: "1", num_trees: String(trees) },
          iteration_indptr: Array.from({ length: trees + 1 }, (_, tree) => tree),
          tree_info: new Array<number>(trees).fill(0),
          trees: Array.from({ length: trees }, (_, tree) =>
            xgboostTree(random, { tree, inner, columns }),
          ),
        },
        name: "gbtree",
      },
      learner_model_param: {
        base_score: "5E-1",
        boost_from_average: "1",
        num_class: "0",
        num_feature: String(columns),
        num_target: "1",
      },
      objective: { name: "binary:logistic", reg_loss_param: { scale_pos_weight: "1" } },
    },
    version: [2, 1, 0],
  };
  return { bytes: Buffer.from(JSON.stringify(model)), splits: trees * inner };
}

function xgboostTree(
  random: Random,
  {
    tree,
    inner,
    columns,
  }: { readonly tree: number; readonly inner: number; readonly columns: number },
): object {
  const nodes = 2 * inner + 1;
  const all = <T>(value: (node: number) => T) =>
    Array.from({ length: nodes }, (_, node) => value(node));
  const isInner = (node: number) => node < inner;
  return {
    base_weights: all(() => fraction(random)),
    categories: [],
    categories_nodes: [],
    categories_segments: [],
    categories_sizes: [],
    default_left: all(() => random.below(2)),
    id: tree,
    left_children: all((node) => (isInner(node) ? 2 * node + 1 : -1)),
    loss_changes: all(() => fraction(random)),
    parents: all((node) => (node === 0 ? 2_147_483_647 : (node - 1) >> 1)),
    right_children: all((node) => (isInner(node) ? 2 * node + 2 : -1)),
    split_conditions: all((node) => (isInner(node) ? fraction(random) : leafValue(random))),
    split_indices: all((node) => (isInner(node) ? random.below(columns) : 0)),
    split_type: all(() => 0),
    sum_hessian: all(() => fraction(random)),
    tree_param: {
      num_deleted: "0",
      num_feature: String(columns),
      num_nodes: String(nodes),
      size_leaf_vector: "1",
    },
  };
}

/** Between 0 and 1, with as many digits as a number of 32 bits; never whole: XGBoost refuses numbers without a fraction
 *  where it expects one. */
function fraction(random: Random): number {
  return digits((random.below(2 ** 26) + 0.5) / 2 ** 26);
}

function leafValue(random: Random): number {
  return digits((random.below(2 ** 20) + 0.5) / 2 ** 22 - 0.125);
}

function digits(value: number): number {
  return Number(value.toPrecision(8));
}
