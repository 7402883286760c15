import { RuntimeError } from "../../../base/errors.ts";
import { GrowingArray } from "../../../base/growing-array.ts";
import type { GraphBuilder } from "../../onnx/write/graph-builder.ts";
import type { FloatArray, FloatType } from "../../onnx/write/graph-tensor.ts";
import { checkColumns } from "./check-columns.ts";
import { SetTables } from "./set-tables.ts";
import { splitMode, type Tree } from "./tree.ts";
import { treeOrder } from "./tree-order.ts";

export interface ForestOptions {
  /** What messages call the model, such as "XGBoost model". */
  readonly what: string;
  /** Type of thresholds, leaves and sums, and of the input. */
  readonly type: FloatType;
  /** Columns of the input. */
  readonly columns: number;
  /** Columns of the output. */
  readonly targets: number;
  readonly maxSplits: number;
  /** Columns that `wholeCategories` has prepared -> number of categories. Large sets of these are looked up in tables
   *  instead of searched. */
  readonly categories?: ReadonlyMap<number, number>;
}

/** Sets of these numbers become bit masks. ONNX Runtime searches others from one end to the other. */
const maskedMembers = 31;
/** Placeholder: "<" or "<=", whichever the other nodes have. One mode for all of them is faster. */
const anyMode = 255;

/** The trees of one TreeEnsemble node. All of them are added up per target, in the order given, in `type`. */
export class ForestBuilder {
  readonly #options: ForestOptions;
  readonly #round: (value: number) => number;
  readonly #tables: SetTables;
  readonly #features = new GrowingArray((length) => new Int32Array(length));
  readonly #modes = new GrowingArray((length) => new Uint8Array(length));
  readonly #thresholds: GrowingArray<FloatArray>;
  readonly #tracks = new GrowingArray((length) => new Uint8Array(length));
  readonly #trueIds = new GrowingArray((length) => new Int32Array(length));
  readonly #trueLeaves = new GrowingArray((length) => new Uint8Array(length));
  readonly #falseIds = new GrowingArray((length) => new Int32Array(length));
  readonly #falseLeaves = new GrowingArray((length) => new Uint8Array(length));
  readonly #roots = new GrowingArray((length) => new Int32Array(length));
  readonly #leafTargets = new GrowingArray((length) => new Int32Array(length));
  readonly #leafWeights: GrowingArray<FloatArray>;
  readonly #members: GrowingArray<FloatArray>;
  /** What the members of sets add: each is kept as a node. */
  #listed = 0;
  #usualMode: number = splitMode.lessEqual;

  /** Throws RuntimeError "invalid-argument" for more columns than requests can have. */
  constructor(options: ForestOptions) {
    const { what, type, columns } = options;
    checkColumns(what, columns);
    this.#options = options;
    this.#round = type === "float" ? Math.fround : (value) => value;
    const make = (length: number): FloatArray =>
      type === "float" ? new Float32Array(length) : new Float64Array(length);
    this.#thresholds = new GrowingArray(make);
    this.#leafWeights = new GrowingArray(make);
    this.#members = new GrowingArray(make);
    this.#tables = new SetTables(type);
  }

  /** Inner nodes so far, copies for several targets included. */
  get splits(): number {
    return this.#features.length + this.#listed;
  }

  /** Adds `value` to every row's sum. For a sum that starts from it, call this first. */
  addConstant(target: number, value: number): void {
    if (!Number.isFinite(this.#round(value))) {
      throw new RuntimeError(
        "invalid-argument",
        `this ${this.#options.what} is malformed: its base score is ${value}; save the model again, or train it anew`,
      );
    }
    this.#addRoot();
    this.#addLeafTwice(target, value);
  }

  /** Adds a tree. `name`: what messages call it, such as "tree 5". Copies what it needs. Throws RuntimeError
   *  "invalid-argument" if a child is out of range or has two parents, a column does not exist, a leaf is not finite,
   *  a set is out of order, the depth exceeds 4,096, or there are too many splits. */
  addTree(tree: Tree, name: string): void {
    const { what, columns, maxSplits } = this.#options;
    const order = treeOrder(tree, { what, name, columns, round: this.#round });
    const copies = tree.targets.length;
    if (this.splits + Math.max(order.length, 1) * copies > maxSplits) throw this.#tooLarge();
    const position = new Int32Array(tree.nodeCount);
    for (let at = 0; at < order.length; at++) position[order[at] as number] = at;
    for (let copy = 0; copy < copies; copy++) this.#addCopy({ tree, order, position, copy });
    if (this.splits > maxSplits) throw this.#tooLarge();
  }

  /** Adds what computes the sums to `graph`: `[N, targets]` for `input`, `[N, columns]`. Only once. */
  emit(graph: GraphBuilder, input: string): string {
    if (this.#roots.length === 0) this.addConstant(0, 0);
    const { type, columns, targets } = this.#options;
    const features = this.#features.elements();
    const modes = this.#modes.elements();
    const usual = this.#usualMode === splitMode.less ? splitMode.less : splitMode.lessEqual;
    for (let at = 0; at < modes.length; at++) if (modes[at] === anyMode) modes[at] = usual;
    const looked = this.#tables.emit(graph, input);
    for (let at = 0; at < features.length; at++) {
      const feature = features[at] as number;
      if (feature >= columns) features[at] = columns + (looked.order[feature - columns] as number);
    }
    const numbers = (values: FloatArray) => ({
      tensor: { type, shape: [values.length], values },
    });
    return graph.node("TreeEnsemble", [looked.input], {
      domain: "ai.onnx.ml",
      attributes: {
        aggregate_function: { int: 1 },
        leaf_targetids: { ints: this.#leafTargets.elements() },
        leaf_weights: numbers(this.#leafWeights.elements()),
        ...(this.#members.length > 0 && { membership_values: numbers(this.#members.elements()) }),
        n_targets: { int: targets },
        nodes_falseleafs: { ints: this.#falseLeaves.elements() },
        nodes_falsenodeids: { ints: this.#falseIds.elements() },
        nodes_featureids: { ints: features },
        nodes_missing_value_tracks_true: { ints: this.#tracks.elements() },
        nodes_modes: { tensor: { type: "uint8", shape: [modes.length], values: modes } },
        nodes_splits: numbers(this.#thresholds.elements()),
        nodes_trueleafs: { ints: this.#trueLeaves.elements() },
        nodes_truenodeids: { ints: this.#trueIds.elements() },
        post_transform: { int: 0 },
        tree_roots: { ints: this.#roots.elements() },
      },
    });
  }

  #addCopy({ tree, order, position, copy }: TreeCopy): void {
    const width = tree.targets.length;
    const target = tree.targets[copy] as number;
    const start = this.#addRoot();
    if (order.length === 0) {
      this.#addLeafTwice(target, tree.values[(tree.root ?? 0) * width + copy] as number);
      return;
    }
    /** Where a child is: among the nodes, or a new leaf. */
    const put = (
      child: number,
      ids: GrowingArray<Int32Array>,
      leaves: GrowingArray<Uint8Array>,
    ) => {
      const isLeaf = (tree.trueChild[child] as number) < 0;
      leaves.push(isLeaf ? 1 : 0);
      ids.push(
        isLeaf
          ? this.#addLeaf(target, tree.values[child * width + copy] as number)
          : start + (position[child] as number),
      );
    };
    for (const node of order) {
      const isSwapped = this.#addComparison(tree, node);
      const yes = tree.trueChild[node] as number;
      const no = tree.falseChild[node] as number;
      put(isSwapped ? no : yes, this.#trueIds, this.#trueLeaves);
      put(isSwapped ? yes : no, this.#falseIds, this.#falseLeaves);
    }
  }

  /** Whether the children of `node` must change places. */
  #addComparison(tree: Tree, node: number): boolean {
    const mode = typeof tree.mode === "number" ? tree.mode : (tree.mode[node] as number);
    const feature = tree.feature[node] as number;
    const tracks = tree.missingTracksTrue[node] === 1;
    const add = (
      column: number,
      ownMode: number,
      threshold: number,
      isSwapped = false,
    ): boolean => {
      this.#features.push(column);
      this.#modes.push(ownMode);
      this.#thresholds.push(threshold);
      this.#tracks.push(tracks !== isSwapped ? 1 : 0);
      return isSwapped;
    };
    if (mode !== splitMode.member) {
      this.#usualMode = mode;
      return add(feature, mode, tree.threshold[node] as number);
    }
    const members = tree.members?.get(node) ?? [];
    // ONNX Runtime does not load an empty set. No number is in it, and each is below infinity or equal to it.
    if (members.length === 0)
      return add(feature, splitMode.lessEqual, Number.POSITIVE_INFINITY, true);
    const size = this.#options.categories?.get(feature);
    const isMasked =
      members.length < maskedMembers && (members[members.length - 1] as number) < maskedMembers;
    if (!isMasked && size !== undefined) {
      const table = this.#tables.indexOf(members, { column: feature, size });
      // 1 for members, 0 for others.
      if (table !== undefined) return add(this.#options.columns + table, anyMode, 0.5, true);
    }
    for (let at = 0; at < members.length; at++) this.#members.push(members[at] as number);
    this.#members.push(Number.NaN);
    if (!isMasked) this.#listed += members.length;
    return add(feature, splitMode.member, 0);
  }

  #addRoot(): number {
    const start = this.#features.length;
    this.#roots.push(start);
    return start;
  }

  #addLeaf(target: number, value: number): number {
    this.#leafTargets.push(target);
    this.#leafWeights.push(value);
    return this.#leafWeights.length - 1;
  }

  /** A tree of one leaf: a node with this leaf as both children. */
  #addLeafTwice(target: number, value: number): void {
    const leaf = this.#addLeaf(target, value);
    this.#features.push(0);
    this.#modes.push(anyMode);
    this.#thresholds.push(0);
    this.#tracks.push(0);
    this.#trueIds.push(leaf);
    this.#trueLeaves.push(1);
    this.#falseIds.push(leaf);
    this.#falseLeaves.push(1);
  }

  #tooLarge(): RuntimeError {
    const { what, maxSplits } = this.#options;
    return new RuntimeError(
      "invalid-argument",
      `the trees of this ${what} have more than ${maxSplits} splits, and the memory limit of a load leaves room for no more: raise it, or train fewer or smaller trees`,
    );
  }
}

interface TreeCopy {
  readonly tree: Tree;
  readonly order: Int32Array;
  /** Node -> place in `order`. */
  readonly position: Int32Array;
  /** Which of the tree's targets. */
  readonly copy: number;
}
