import { splitMode, type Tree } from "../../../src/engine/translator/graph/tree.ts";
import type { Random } from "../attacks/mutate.ts";

export interface RandomTrees {
  readonly type: "float" | "double";
  readonly columns: number;
  readonly targets: number;
  /** Columns that have categories -> how many. */
  readonly categories: ReadonlyMap<number, number>;
}

/** A tree whose nodes are in random order. Thresholds are few, so that rows hit them. */
export function randomTree(random: Random, options: RandomTrees): Tree {
  const inner = random.below(20);
  const nodeCount = 2 * inner + 1;
  const places = shuffled(random, nodeCount);
  const numbers = (values: number[]) =>
    options.type === "float" ? Float32Array.from(values) : Float64Array.from(values);
  const targets =
    random.below(4) === 0
      ? Array.from({ length: options.targets }, (_, target) => target)
      : [random.below(options.targets)];
  const members = new Map<number, number[]>();
  const tree = {
    nodeCount,
    root: places[0] as number,
    feature: new Int32Array(nodeCount),
    threshold: numbers(new Array<number>(nodeCount).fill(0)),
    mode: new Uint8Array(nodeCount),
    trueChild: new Int32Array(nodeCount).fill(-1),
    falseChild: new Int32Array(nodeCount).fill(-1),
    missingTracksTrue: Uint8Array.from({ length: nodeCount }, () => random.below(2)),
    members,
    values: numbers(
      Array.from({ length: nodeCount * targets.length }, () => random.below(2000) / 7 - 140),
    ),
    targets,
  };
  const leaves = [0];
  let next = 1;
  for (let count = 0; count < inner; count++) {
    const [at = 0] = leaves.splice(random.below(leaves.length), 1);
    const node = places[at] as number;
    const feature = random.below(options.columns);
    const size = options.categories.get(feature);
    tree.feature[node] = feature;
    tree.threshold[node] = randomNumber(random);
    tree.mode[node] = size === undefined ? random.below(5) : splitMode.member;
    if (size !== undefined) members.set(node, randomSet(random, size));
    tree.trueChild[node] = places[next] as number;
    tree.falseChild[node] = places[next + 1] as number;
    leaves.push(next, next + 1);
    next += 2;
  }
  return tree;
}

/** Values of one row. Categories are whole, as the builder expects them. */
export function randomRow(random: Random, { columns, categories }: RandomTrees): number[] {
  return Array.from({ length: columns }, (_, column) => {
    if (random.below(8) === 0) return Number.NaN;
    const size = categories.get(column);
    return size === undefined ? randomNumber(random) : random.below(size + 1);
  });
}

/** One of few numbers that all types represent. */
function randomNumber(random: Random): number {
  const special = [Infinity, -Infinity, 0, -0, 2 ** -130, -(2 ** -130), 2 ** 24, 2 ** 100];
  return random.below(4) === 0
    ? (special[random.below(special.length)] as number)
    : random.below(16) / 4 - 2;
}

function randomSet(random: Random, size: number): number[] {
  const share = random.below(5);
  return Array.from({ length: size }, (_, code) => code).filter(() => random.below(4) < share);
}

function shuffled(random: Random, length: number): number[] {
  const places = Array.from({ length }, (_, at) => at);
  for (let at = length - 1; at > 0; at--) {
    const other = random.below(at + 1);
    [places[at], places[other]] = [places[other] as number, places[at] as number];
  }
  return places;
}
