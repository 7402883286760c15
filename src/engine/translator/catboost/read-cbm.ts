import {
  type CatboostModel,
  type CatboostTree,
  columnCount,
  type FloatFeature,
  type OtherFeature,
} from "./catboost-model.ts";
import { malformed, refusal } from "./catboost-refusal.ts";
import { FlatTable } from "./flat-table.ts";
import { readInfo } from "./model-info.ts";

// Slots of the fields in catboost/libs/model/flatbuffers/model.fbs and features.fbs.
const core = { formatVersion: 0, trees: 1, info: 2 } as const;
const trees = {
  dimension: 0,
  splits: 1,
  sizes: 2,
  categorical: 4,
  float: 5,
  leafValues: 8,
  stepNodes: 10,
  leafIds: 11,
  text: 12,
  scale: 14,
  bias: 15,
  biases: 16,
  embedding: 18,
} as const;
const feature = { column: 1 } as const;
const floatFeature = { column: 2, borders: 3, name: 4, nan: 5 } as const;
const keyValue = { key: 0, value: 1 } as const;

const formatVersion = "FlabuffersModel_v1";
const headBytes = 8;
const nanAsTrue = 2;

/** Reads `.cbm`: "CBM1", a length, a FlatBuffer of that length, and what categories and texts need. Throws RuntimeError
 *  "invalid-argument". */
export function readCbm(file: Uint8Array): CatboostModel {
  if (file.length < headBytes) throw malformed("it is cut off in its head");
  const size = new DataView(file.buffer, file.byteOffset).getUint32(4, true);
  if (size > file.length - headBytes) {
    throw malformed(
      `it is cut off: its description has ${size} bytes, of which ${file.length - headBytes} are there`,
    );
  }
  const root = FlatTable.root(file.subarray(headBytes, headBytes + size));
  const version = root.string(core.formatVersion);
  if (version !== formatVersion) {
    throw refusal(
      `has the format ${JSON.stringify(version.slice(0, 60))}, expected ${formatVersion}: save it with CatBoost 1.0 to 1.2`,
    );
  }
  const table = root.table(core.trees);
  if (table === undefined) throw malformed("it has no trees");
  const info = new Map(
    root
      .tables(core.info)
      .map((entry) => [entry.string(keyValue.key), entry.string(keyValue.value)]),
  );
  const dimension = table.int32(trees.dimension, 0);
  if (dimension < 1) throw malformed(`its leaves have ${dimension} values`);
  const features = table.tables(trees.float).map(floatFeatureOf);
  const others = otherFeatures(table);
  const biases = Array.from(table.float64s(trees.biases));
  const bias = biases.length > 0 ? biases : [table.double(trees.bias, 0)];
  return {
    features,
    columns: columnCount([...features, ...others]),
    otherFeature: others[0],
    dimension,
    trees: readTrees(table, dimension),
    scale: table.double(trees.scale, 1),
    bias,
    ...readInfo(info),
  };
}

function floatFeatureOf(table: FlatTable): FloatFeature {
  return {
    column: table.int32(floatFeature.column, -1),
    name: table.string(floatFeature.name),
    borders: table.float32s(floatFeature.borders),
    nanIsTrue: table.int8(floatFeature.nan, 0) === nanAsTrue,
  };
}

function otherFeatures(table: FlatTable): OtherFeature[] {
  const columns = (slot: number, kind: OtherFeature["kind"]) =>
    table.tables(slot).map((each) => ({ kind, column: each.int32(feature.column, -1) }));
  return [
    ...columns(trees.categorical, "categorical"),
    ...columns(trees.text, "text"),
    ...columns(trees.embedding, "embedding"),
  ];
}

function readTrees(table: FlatTable, dimension: number): CatboostTree[] {
  const splits = table.int32s(trees.splits);
  const sizes = table.int32s(trees.sizes);
  const values = table.float64s(trees.leafValues);
  const steps = table.uint16Pairs(trees.stepNodes);
  if (sizes.some((size) => size < 0)) throw malformed("a tree has a negative size");
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total !== splits.length) {
    throw malformed(`its trees have ${total} splits, but ${splits.length} are there`);
  }
  if (steps.length > 0) {
    const leafIds = table.uint32s(trees.leafIds);
    if (steps.length !== 2 * total || leafIds.length !== total) {
      throw malformed(
        `it has ${steps.length / 2} nodes and ${leafIds.length} leaf numbers for ${total} splits`,
      );
    }
    return readBranching({ splits, sizes, values, steps, leafIds, dimension });
  }
  let start = 0;
  let leaf = 0;
  return Array.from(sizes, (size, number) => {
    const own = splits.subarray(start, start + size);
    const length = 2 ** size * dimension;
    const leaves = values.subarray(leaf, leaf + length);
    if (leaves.length !== length) {
      throw malformed(`tree ${number} has ${leaves.length} leaf values, expected ${length}`);
    }
    start += size;
    leaf += length;
    return { kind: "symmetric", splits: own, values: leaves };
  });
}

interface Nodes {
  readonly splits: Int32Array;
  readonly sizes: Int32Array;
  readonly values: Float64Array;
  /** For node i: how many nodes further on the left child is, and the right one. 0: the node itself is the leaf. */
  readonly steps: Uint16Array;
  /** By node: where the values of its leaf begin. */
  readonly leafIds: Uint32Array;
  readonly dimension: number;
}

function readBranching({ sizes, ...nodes }: Nodes): CatboostTree[] {
  let start = 0;
  return Array.from(sizes, (size, number) => {
    const tree = branchingTree({ start, size, name: `tree ${number}` }, nodes);
    start += size;
    return tree;
  });
}

function branchingTree(
  { start, size, name }: { readonly start: number; readonly size: number; readonly name: string },
  { splits, steps, leafIds, values, dimension }: Omit<Nodes, "sizes">,
): CatboostTree {
  const right: number[] = [];
  const left: number[] = [];
  /** By node: where its values begin. */
  const starts = Array.from(leafIds.subarray(start, start + size));
  for (let node = 0; node < size; node++) {
    const toLeft = steps[2 * (start + node)] as number;
    const toRight = steps[2 * (start + node) + 1] as number;
    const isLeaf = toLeft === 0 && toRight === 0;
    // The leaf that a node is for one of its sides becomes a node of its own.
    const child = (step: number) =>
      step > 0 ? node + step : starts.push(leafIds[start + node] as number) - 1;
    left.push(isLeaf ? -1 : child(toLeft));
    right.push(isLeaf ? -1 : child(toRight));
  }
  for (let node = size; node < starts.length; node++) {
    left.push(-1);
    right.push(-1);
  }
  // A tree has fewer inner nodes than leaves, and each leaf has values of its own.
  if (starts.length * dimension > 2 * values.length + dimension) {
    throw malformed(
      `${name} has ${starts.length} nodes, but there are ${values.length} leaf values, ${dimension} for each leaf`,
    );
  }
  const own = new Float64Array(starts.length * dimension);
  for (const [node, from] of starts.entries()) {
    if ((right[node] as number) >= 0) continue;
    const leaf = values.subarray(from, from + dimension);
    if (leaf.length !== dimension) throw malformed(`node ${node} of ${name} has no leaf values`);
    own.set(leaf, node * dimension);
  }
  return {
    kind: "branching",
    split: Int32Array.from(starts, (_, node) =>
      node < size ? (splits[start + node] as number) : -1,
    ),
    right: Int32Array.from(right),
    left: Int32Array.from(left),
    values: own,
  };
}
