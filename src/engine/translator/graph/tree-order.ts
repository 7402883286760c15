import { RuntimeError } from "../../../base/errors.ts";
import { splitMode, type Tree } from "./tree.ts";

/** ONNX Runtime recurses into trees. At some ten thousand levels, that ends its process. */
const maxDepth = 4_096;
const categoryLimit = 2 ** 24;

interface TreeSurroundings {
  /** What messages call the model. */
  readonly what: string;
  /** What messages call the tree. */
  readonly name: string;
  readonly columns: number;
  /** How the model rounds numbers. */
  readonly round: (value: number) => number;
}

/** The inner nodes of `tree`, each before its children, the true one first; none if its root is a leaf. Throws
 *  RuntimeError "invalid-argument" for what is not a tree, or one that cannot be computed. */
export function treeOrder(tree: Tree, surroundings: TreeSurroundings): Int32Array {
  return new TreeCheck(tree, surroundings).order();
}

class TreeCheck {
  readonly #tree: Tree;
  readonly #around: TreeSurroundings;

  constructor(tree: Tree, around: TreeSurroundings) {
    this.#tree = tree;
    this.#around = around;
  }

  /** Iterative: a hostile tree can be deeper than the stack. */
  order(): Int32Array {
    const { nodeCount, root = 0, trueChild, falseChild } = this.#tree;
    if (!(root >= 0 && root < nodeCount))
      throw this.#malformed(`${this.#around.name} has no nodes`);
    const seen = new Uint8Array(nodeCount);
    const order = new Int32Array(nodeCount);
    let inner = 0;
    // Each node waits until the branches before it are done. Together they are no more than the levels and one.
    const waiting: number[] = [root];
    const depths: number[] = [0];
    seen[root] = 1;
    while (waiting.length > 0) {
      const node = waiting.pop() as number;
      const depth = depths.pop() as number;
      if ((trueChild[node] as number) < 0) {
        this.#checkLeaf(node);
        continue;
      }
      if (depth >= maxDepth) throw this.#tooDeep();
      this.#checkSplit(node);
      order[inner++] = node;
      for (const child of [falseChild[node] as number, trueChild[node] as number]) {
        if (!(child >= 0 && child < nodeCount)) {
          this.#refuse(
            node,
            `has the child ${child}, but there are nodes 0 to ${nodeCount - 1} only`,
          );
        }
        if (seen[child] === 1)
          this.#refuse(node, `has the child ${child}, which has another parent`);
        seen[child] = 1;
        waiting.push(child);
        depths.push(depth + 1);
      }
    }
    return order.subarray(0, inner);
  }

  #checkLeaf(node: number): void {
    const { targets, values } = this.#tree;
    for (let at = node * targets.length; at < (node + 1) * targets.length; at++) {
      const value = values[at];
      if (value === undefined) this.#refuse(node, "is a leaf without a value");
      else if (!Number.isFinite(this.#around.round(value))) {
        this.#refuse(node, `is a leaf of value ${value}`);
      }
    }
  }

  #checkSplit(node: number): void {
    const { feature, threshold, mode } = this.#tree;
    const { columns } = this.#around;
    const column = feature[node] as number;
    if (!(column >= 0 && column < columns)) {
      this.#refuse(node, `compares feature ${column}, but the model has ${columns} features`);
    }
    if ((typeof mode === "number" ? mode : mode[node]) === splitMode.member) this.#checkSet(node);
    else if (Number.isNaN(threshold[node] ?? Number.NaN)) this.#refuse(node, "has no threshold");
  }

  #checkSet(node: number): void {
    const members = this.#tree.members?.get(node);
    if (members === undefined) {
      this.#refuse(node, "has no set of categories");
      return;
    }
    let last = -1;
    for (let at = 0; at < members.length; at++) {
      const member = members[at] as number;
      if (!Number.isInteger(member) || member < 0 || member >= categoryLimit) {
        this.#refuse(node, `has the category ${member}, which is not a whole number below 2^24`);
      }
      if (member <= last)
        this.#refuse(node, `has the categories ${last} and ${member} in this order`);
      last = member;
    }
  }

  #refuse(node: number, problem: string): void {
    throw this.#malformed(`node ${node} of ${this.#around.name} ${problem}`);
  }

  #malformed(problem: string): RuntimeError {
    return new RuntimeError(
      "invalid-argument",
      `this ${this.#around.what} is malformed: ${problem}; save the model again, or train it anew`,
    );
  }

  #tooDeep(): RuntimeError {
    const { what, name } = this.#around;
    return new RuntimeError(
      "invalid-argument",
      `${name} of this ${what} has more than ${maxDepth} levels, which ONNX Runtime cannot run: train it with a lower maximal depth`,
    );
  }
}
