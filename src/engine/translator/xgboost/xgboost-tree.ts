import type { FloatArray } from "../../onnx/write/graph-tensor.ts";
import { splitMode, type Tree } from "../graph/tree.ts";
import type { Numbers } from "./document.ts";
import type { Fields } from "./fields.ts";

export interface TreePlace {
  /** The output that it adds to, if its leaves have one value. */
  readonly output: number;
  readonly outputs: number;
  /** Leaves are multiplied by it, in float32. */
  readonly weight: number;
}

/** Reads one tree. Nodes of numbers are "x < condition", and true is left. Nodes of categories are "x is in the set", and true
 *  is right: XGBoost goes right for members, and left for what is no category at all. */
export function readTree(fields: Fields, { output, outputs, weight }: TreePlace): Tree {
  const left = places(fields, "left_children", 0);
  const nodeCount = left.length;
  const right = places(fields, "right_children", nodeCount);
  const conditions = fields.numbersOf("split_conditions", nodeCount);
  const goesLeft = fields.numbersOf("default_left", nodeCount);
  const members = membersOf(fields, nodeCount);
  const tree = {
    nodeCount,
    feature: places(fields, "split_indices", nodeCount),
    threshold: Float32Array.from(conditions),
    mode: new Uint8Array(nodeCount).fill(splitMode.less),
    trueChild: left,
    falseChild: right,
    missingTracksTrue: Uint8Array.from({ length: nodeCount }, (_, node) =>
      goesLeft[node] ? 1 : 0,
    ),
    members,
    ...leavesOf(fields, { left, right, conditions, output, outputs, weight }),
  };
  if (members.size > 0) {
    tree.trueChild = left.slice();
    tree.falseChild = right.slice();
  }
  for (const node of members.keys()) {
    tree.mode[node] = splitMode.member;
    tree.trueChild[node] = right[node] as number;
    tree.falseChild[node] = left[node] as number;
    tree.missingTracksTrue[node] = goesLeft[node] ? 0 : 1;
  }
  return tree;
}

/** A set per node that compares categories, ascending. */
function membersOf(fields: Fields, nodeCount: number): Map<number, Float64Array> {
  const sets = new Map<number, Float64Array>();
  if (!fields.has("split_type")) return sets;
  const types = fields.numbersOf("split_type", nodeCount);
  if (!types.some((type) => type !== 0)) return sets;
  const nodes = fields.numbers("categories_nodes");
  const starts = fields.numbersOf("categories_segments", nodes.length);
  const sizes = fields.numbersOf("categories_sizes", nodes.length);
  const categories = fields.numbers("categories");
  for (let at = 0; at < nodes.length; at++) {
    const node = nodes[at] as number;
    const start = starts[at] as number;
    const end = start + (sizes[at] as number);
    if (!(start >= 0 && end >= start && end <= categories.length)) {
      throw fields.malformed(`categories_segments[${at}]`, "a part of 'categories'", start);
    }
    if (types[node] === 1)
      sets.set(node, Float64Array.from(new Set(categories.subarray(start, end))).sort());
  }
  for (const [node, type] of types.entries()) {
    if (node >= nodeCount) break;
    if (type !== 0 && !sets.has(node)) {
      throw fields.malformed("categories_nodes", `node ${node} among its elements`, nodes);
    }
  }
  return sets;
}

interface LeafPlaces extends TreePlace {
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly conditions: Numbers;
}

/** A leaf's value is its condition. Vectors of values are in a list of their own: since 3.2, a leaf's right child says where;
 *  before that, node by node. */
function leavesOf(
  fields: Fields,
  { left, right, conditions, output, outputs, weight }: LeafPlaces,
): { readonly values: FloatArray; readonly targets: readonly number[] } {
  const width = fields.object("tree_param").count("size_leaf_vector");
  if (width <= 1) {
    const values = Float32Array.from(conditions);
    if (weight !== 1) scale(values, weight);
    return { values, targets: [output] };
  }
  if (width !== outputs) {
    throw fields.malformed(
      "tree_param.size_leaf_vector",
      `${outputs}, the number of outputs`,
      width,
    );
  }
  const hasOwnList = fields.has("leaf_weights");
  const stored = hasOwnList
    ? fields.numbers("leaf_weights")
    : fields.numbersOf("base_weights", left.length * width);
  const values = new Float32Array(left.length * width);
  for (let node = 0; node < left.length; node++) {
    if ((left[node] as number) >= 0) continue;
    const start = (hasOwnList ? (right[node] as number) : node) * width;
    // Out of range is no number, which the check of leaves refuses.
    for (let at = 0; at < width; at++) values[node * width + at] = stored[start + at] ?? Number.NaN;
  }
  if (weight !== 1) scale(values, weight);
  return { values, targets: Array.from({ length: width }, (_, at) => at) };
}

function scale(values: Float32Array, weight: number): void {
  for (let at = 0; at < values.length; at++) values[at] = (values[at] as number) * weight;
}

/** Numbers of nodes or features. */
function places(fields: Fields, key: string, length: number): Int32Array {
  const numbers = fields.numbersOf(key, length);
  if (numbers instanceof Int32Array) return numbers;
  // Fractions, and numbers that 32 bits do not hold.
  if (numbers instanceof Float32Array || numbers instanceof Float64Array) {
    throw fields.malformed(key, "a list of whole numbers of 32 bits", numbers);
  }
  return Int32Array.from(numbers);
}
