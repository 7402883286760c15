import { GrowingArray } from "../../../base/growing-array.ts";

const operators = new Set(["TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor"]);
const domain = "ai.onnx.ml";
/** Lists that say which nodes follow each other. */
const names = new Set([
  "nodes_treeids",
  "nodes_nodeids",
  "nodes_truenodeids",
  "nodes_falsenodeids",
  "nodes_trueleafs",
  "nodes_falseleafs",
  "tree_roots",
]);
/** All lists of a node together, 64 MiB. Larger forests are not checked: what reads files must not hold more. */
const mostNumbers = 16 * 1024 * 1024;

/** The links between the nodes of one forest, while its attributes are read. */
export class TreeLinks {
  readonly #lists = new Map<string, GrowingArray<Int32Array>>();
  #count = 0;

  /** Whether the list `name` must be read as a whole. */
  wants(name: string): boolean {
    return names.has(name) && this.#count <= mostNumbers;
  }

  take(name: string, value: number): void {
    if (!this.wants(name)) return;
    let list = this.#lists.get(name);
    if (list === undefined) {
      list = new GrowingArray((length) => new Int32Array(length));
      this.#lists.set(name, list);
    }
    list.push(value);
    this.#count++;
  }

  /** The levels of the deepest tree, or more than `most`, if the lists are those of a forest. Nodes are visited in the order
   *  in which ONNX Runtime recurses into them, each one once. */
  depth(node: { readonly op: string; readonly domain: string }, most: number): number {
    if (!operators.has(node.op) || node.domain !== domain || this.#count > mostNumbers) return 0;
    const yes = this.#list("nodes_truenodeids");
    if (yes.length <= most) return 0;
    return node.op === "TreeEnsemble" ? this.#depthByRoots(yes, most) : this.#depthByIds(yes, most);
  }

  /** Opset 5: children are positions of nodes, or of leaves. */
  #depthByRoots(yes: Int32Array, most: number): number {
    const no = this.#list("nodes_falsenodeids");
    const isYesLeaf = this.#list("nodes_trueleafs");
    const isNoLeaf = this.#list("nodes_falseleafs");
    const walk = new Walk(yes.length, most);
    for (const root of this.#list("tree_roots")) {
      walk.from(root, (node, visit) => {
        if (isYesLeaf[node] !== 1) visit(yes[node] ?? -1);
        if (isNoLeaf[node] !== 1) visit(no[node] ?? -1);
      });
    }
    return walk.depth;
  }

  /** Up to opset 4: children are numbers within the same tree, whose first node is the root. */
  #depthByIds(yes: Int32Array, most: number): number {
    const no = this.#list("nodes_falsenodeids");
    const trees = this.#list("nodes_treeids");
    const ids = this.#list("nodes_nodeids");
    const walk = new Walk(yes.length, most);
    for (let start = 0, end = 0; start < yes.length; start = end) {
      while (end < yes.length && trees[end] === trees[start]) end++;
      const places = placesOf(ids, start, end);
      walk.from(start, (node, visit) => {
        visit(places(yes[node] ?? -1));
        visit(places(no[node] ?? -1));
      });
    }
    return walk.depth;
  }

  #list(name: string): Int32Array {
    return this.#lists.get(name)?.elements() ?? new Int32Array();
  }
}

/** From the number of a node to its place; -1 if there is none. Numbers usually count from 0. */
function placesOf(ids: Int32Array, start: number, end: number): (id: number) => number {
  let counts = true;
  for (let at = start; at < end; at++) counts &&= ids[at] === at - start;
  if (counts) return (id) => (id >= 0 && id < end - start ? start + id : -1);
  const places = new Map<number, number>();
  for (let at = start; at < end; at++) places.set(ids[at] ?? -1, at);
  return (id) => places.get(id) ?? -1;
}

/** Iterative: what it looks for is a tree that is deeper than the stack. */
class Walk {
  depth = 0;
  readonly #seen: Uint8Array;
  readonly #most: number;
  readonly #waiting: number[] = [];
  readonly #depths: number[] = [];
  #level = 0;

  constructor(nodes: number, most: number) {
    this.#seen = new Uint8Array(nodes);
    this.#most = most;
  }

  /** `children`: visits a node's children, the one that comes first last. */
  from(root: number, children: (node: number, visit: (child: number) => void) => void): void {
    const visit = (node: number) => {
      // What is out of range, or part of a cycle, ONNX Runtime refuses itself.
      if (!(node >= 0 && node < this.#seen.length) || this.#seen[node] === 1) return;
      this.#waiting.push(node);
      this.#depths.push(this.#level + 1);
    };
    this.#level = 0;
    visit(root);
    while (this.#waiting.length > 0 && this.depth <= this.#most) {
      const node = this.#waiting.pop() as number;
      this.#level = this.#depths.pop() as number;
      if (this.#seen[node] === 1) continue;
      this.#seen[node] = 1;
      this.depth = Math.max(this.depth, this.#level);
      children(node, visit);
    }
  }
}
