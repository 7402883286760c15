import { splitMode, type Tree } from "../graph/tree.ts";
import type { CatboostModel, CatboostTree } from "./catboost-model.ts";
import { refusal } from "./catboost-refusal.ts";
import { checkSplit, type Splits } from "./splits.ts";

export interface TreeContext {
  readonly model: CatboostModel;
  readonly splits: Splits;
  /** What messages call the tree. */
  readonly name: string;
  /** Nodes that may still be made. */
  readonly maxSplits: number;
}

/** `tree` in the terms of the graph. */
export function treeOf(tree: CatboostTree, context: TreeContext): Tree {
  return tree.kind === "symmetric" ? expanded(tree, context) : converted(tree, context);
}

type Symmetric = Extract<CatboostTree, { kind: "symmetric" }>;
type Branching = Extract<CatboostTree, { kind: "branching" }>;

/** A symmetric tree compares the same way in all nodes of a level: 2^depth - 1 nodes say it. Fewer do, since a row that is
 *  greater than a border is greater than the smaller ones of that feature too, and the other way round: such nodes have one
 *  child that no row reaches. */
function expanded({ splits: own, values }: Symmetric, context: TreeContext): Tree {
  const { splits, model, maxSplits } = context;
  for (const split of own) checkSplit(split, context);
  const draft = new Draft(model.dimension);
  // A node to be made, by what is known of its rows: outcomes of the splits before it, as bits.
  const waiting = [{ place: draft.place(), depth: 0, leaf: 0 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    let { depth, leaf } = next;
    for (; depth < own.length; depth++) {
      const outcome = knownOutcome(own, splits, { depth, leaf });
      if (outcome === undefined) break;
      leaf += outcome * 2 ** depth;
    }
    if (depth === own.length) {
      draft.leaf(next.place, values, leaf);
      continue;
    }
    if (draft.inner >= maxSplits) {
      throw refusal(
        `needs more than ${maxSplits} splits when its symmetric trees are written out, and the memory limit of a load leaves room for no more: raise it, or train fewer or shallower trees`,
      );
    }
    const yes = draft.place();
    const no = draft.place();
    draft.split(next.place, own[depth] as number, { yes, no });
    waiting.push({ place: no, depth: depth + 1, leaf });
    waiting.push({ place: yes, depth: depth + 1, leaf: leaf + 2 ** depth });
  }
  return draft.finish(splits);
}

/** The outcome of split `depth`, if those before it decide it: an earlier split of the same feature at a border that is not
 *  less and held, or that is not greater and did not. */
function knownOutcome(
  own: Int32Array,
  { column, border }: Splits,
  { depth, leaf }: { readonly depth: number; readonly leaf: number },
): 0 | 1 | undefined {
  const split = own[depth] as number;
  for (let before = 0; before < depth; before++) {
    const other = own[before] as number;
    if (column[other] !== column[split]) continue;
    const held = Math.floor(leaf / 2 ** before) % 2 === 1;
    const distance = (border[other] as number) - (border[split] as number);
    if (held && distance >= 0) return 1;
    if (!held && distance <= 0) return 0;
  }
  return undefined;
}

function converted(tree: Branching, context: TreeContext): Tree {
  const { model, splits } = context;
  const draft = new Draft(model.dimension);
  const nodeCount = tree.right.length;
  for (let node = 0; node < nodeCount; node++) draft.place();
  for (let node = 0; node < nodeCount; node++) {
    const yes = tree.right[node] as number;
    if (yes < 0) {
      draft.leaf(node, tree.values, node);
      continue;
    }
    checkSplit(tree.split[node] as number, context);
    draft.split(node, tree.split[node] as number, { yes, no: tree.left[node] as number });
  }
  return draft.finish(splits);
}

/** A tree under construction. */
class Draft {
  readonly #dimension: number;
  readonly #split: number[] = [];
  readonly #yes: number[] = [];
  readonly #no: number[] = [];
  readonly #values: number[] = [];
  /** Nodes that are no leaves. */
  inner = 0;

  constructor(dimension: number) {
    this.#dimension = dimension;
  }

  /** A node, a leaf of value 0 for now. */
  place(): number {
    for (let count = 0; count < this.#dimension; count++) this.#values.push(0);
    this.#split.push(-1);
    this.#no.push(-1);
    return this.#yes.push(-1) - 1;
  }

  /** Makes `place` a leaf with the values of leaf `index`. */
  leaf(place: number, values: Float64Array, index: number): void {
    for (let at = 0; at < this.#dimension; at++) {
      this.#values[place * this.#dimension + at] = values[index * this.#dimension + at] as number;
    }
  }

  split(place: number, split: number, { yes, no }: { yes: number; no: number }): void {
    this.inner++;
    this.#split[place] = split;
    this.#yes[place] = yes;
    this.#no[place] = no;
  }

  finish({ column, border, nanIsTrue }: Splits): Tree {
    const split = this.#split;
    return {
      nodeCount: split.length,
      feature: Int32Array.from(split, (each) => column[each] ?? 0),
      threshold: Float64Array.from(split, (each) => border[each] ?? 0),
      mode: splitMode.greater,
      trueChild: Int32Array.from(this.#yes),
      falseChild: Int32Array.from(this.#no),
      missingTracksTrue: Uint8Array.from(split, (each) => nanIsTrue[each] ?? 0),
      values: Float64Array.from(this.#values),
      targets: Array.from({ length: this.#dimension }, (_, target) => target),
    };
  }
}
