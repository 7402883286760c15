import type { OnnxAttribute, OnnxNode } from "../graph/model-graph.ts";
import { namesUsedBy } from "../graph/node-names.ts";
import { storedBytes } from "../graph/tensor-bytes.ts";
import { classic, ruleName } from "../shapes/node-view.ts";
import type { FollowedBody, FollowedNode, FollowedValue } from "../shapes/walk.ts";

// What a session holds between runs, besides its nodes: constants, in the form that ONNX Runtime's optimizer
// and kernels leave them. All figures were measured with one operator at a time.

/** What a session holds. */
export interface HeldMemory {
  /** Weights and what was computed from them once. */
  readonly heldBytes: number;
  /** What a load leaves behind for a while beyond that. */
  readonly leftBehindBytes: number;
}

const float16 = 10;
const bfloat16 = 16;
/** Datatypes with two, four and eight elements per byte. */
const packedInBytes = new Set([21, 22, 23]);

/** Not precomputed: weights stay in few bits where the next kernels can take them so. */
const dequantizer = "DequantizeLinear";
const random = new Set([
  "Bernoulli",
  "Multinomial",
  "RandomNormal",
  "RandomNormalLike",
  "RandomUniform",
  "RandomUniformLike",
]);
/** Kernels that move half-precision elements unchanged; all others compute in FP32, and their weights are
 *  converted during the load. */
const moving = new Set([
  "Concat",
  "Expand",
  "Flatten",
  "Gather",
  "GatherElements",
  "GatherND",
  "Identity",
  "Reshape",
  "ScatterElements",
  "ScatterND",
  "Slice",
  "Split",
  "Squeeze",
  "Tile",
  "Transpose",
  "Unsqueeze",
]);
/** Kernels that pack their weights. The original is freed, unless it is in a subgraph. */
const packing = new Set([
  "Conv",
  "ConvTranspose",
  "FusedMatMul",
  "Gemm",
  "GRU",
  "LSTM",
  "MatMul",
  "MatMulInteger",
  "RNN",
]);
/** With quantized inputs, these have kernels of their own, which take the weights unchanged. */
const quantizable = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul"]);

/** What is held of an entry of a forest's lists of nodes, and of a weight of a leaf. Leaves are entries up to opset 4 of
 *  ai.onnx.ml, and no longer in 5. */
const treeEntryBytes = { withLeaves: 152, withoutLeaves: 95 } as const;
const leafWeightBytes = 59;
/** More for each, if thresholds and weights are double. */
const doubleEntryBytes = 20;
/** What a load of trees leaves behind for a while: for each entry, and more for the first ones. */
const leftByEntryBytes = 115;
const leftByFirstEntriesBytes = { withLeaves: 250, withoutLeaves: 430 } as const;
const mostLeftByFirstEntriesBytes = 16 * 1024 * 1024;
/** One element of another list in an attribute, which both nodes and kernels hold. */
const listedBytes = 16;
const trees = new Set(
  ["TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor"].map((op) =>
    ruleName({ op, domain: classic }),
  ),
);
const leafLists = new Set([
  "class_weights",
  "class_weights_as_tensor",
  "target_weights",
  "target_weights_as_tensor",
  "leaf_weights",
]);
/** Lists with one element per entry, of which a file has at least the first. */
const entryLists = ["nodes_modes", "nodes_featureids"];
const double = 11;

/** Which weights of other files stay there, mapped into memory. "none": they count as if they were read. "unpacked":
 *  those that no kernel packs. "all": kernels pack nothing. Weights that other constants are made of are read once
 *  and dropped. */
export type MappedWeights = "none" | "unpacked" | "all";

/** For the outermost graph and everything in it. */
export function heldMemory(body: FollowedBody, mapped: MappedWeights = "none"): HeldMemory {
  return heldBy(body, false, mapped);
}

/** Names of values that a load leaves to the runs, although they follow from constants ("repeated"), and of
 *  values that it removes ("fused"). */
export function unfoldedConstants(body: FollowedBody): {
  readonly repeated: ReadonlySet<string>;
  readonly fused: ReadonlySet<string>;
} {
  return new Constants(body).unfolded();
}

function heldBy(body: FollowedBody, isSubgraph: boolean, mapped: MappedWeights): HeldMemory {
  const constants = new Constants(body, mapped);
  let heldBytes = constants.heldBytes(isSubgraph);
  let leftBehindBytes = 0;
  for (const followed of body.nodes) {
    const attributes = attributeMemory(followed.node);
    heldBytes += attributes.heldBytes;
    leftBehindBytes += attributes.leftBehindBytes;
    for (const inner of followed.bodies) {
      // A function's body becomes a part of the graph that calls it.
      const isInner = isSubgraph || !followed.isCall;
      const held = heldBy(inner, isInner, mapped);
      heldBytes += held.heldBytes;
      leftBehindBytes += held.leftBehindBytes;
    }
  }
  return { heldBytes, leftBehindBytes };
}

/** The constants of one body, by what becomes of them. */
class Constants {
  readonly #body: FollowedBody;
  readonly #mapped: MappedWeights;
  /** Those that exist after the load, if they are needed: initializers, and what follows from them. */
  readonly #stored = new Map<string, { readonly value: FollowedValue; readonly bytes: number }>();
  /** Names removed during the load -> what they refer to. */
  readonly #aliases = new Map<string, string>();
  /** Nodes that run, by the names of their inputs. */
  readonly #users = new Map<string, FollowedNode[]>();
  /** Results of DequantizeLinear. */
  readonly #dequantized = new Set<string>();

  constructor(body: FollowedBody, mapped: MappedWeights = "none") {
    this.#body = body;
    this.#mapped = mapped;
    for (const [name, constant] of body.constants) {
      const value = body.values.get(name);
      if (value !== undefined) this.#stored.set(name, { value, bytes: constant.sizeBytes });
    }
    for (const followed of body.nodes) this.#sort(followed);
  }

  #sort(followed: FollowedNode): void {
    const { node, results } = followed;
    if (node.op === dequantizer) this.#dequantized.add(node.outputs[0] ?? "");
    if (this.#isFolded(followed)) {
      for (const [at, value] of results.entries()) {
        const name = node.outputs[at] ?? "";
        const [input = ""] = node.inputs;
        if (node.op === "Identity" && this.#stored.has(this.#meaning(input))) {
          this.#aliases.set(name, this.#meaning(input));
        } else {
          const tensor = node.op === "Constant" ? node.attributes.get("value")?.tensor : undefined;
          this.#stored.set(name, { value, bytes: tensor?.sizeBytes ?? bytesOf(value) });
        }
      }
      return;
    }
    for (const written of new Set(namesUsedBy(node))) {
      const name = this.#meaning(written);
      const users = this.#users.get(name);
      if (users === undefined) this.#users.set(name, [followed]);
      else users.push(followed);
    }
  }

  #meaning(name: string): string {
    return this.#aliases.get(name) ?? name;
  }

  /** In this body, or in a surrounding one. */
  #isStored(name: string): boolean {
    return this.#stored.has(this.#meaning(name)) || !this.#body.values.has(name);
  }

  /** Whether the optimizer computes it during the load. */
  #isFolded({ node, results, bodies }: FollowedNode): boolean {
    if (bodies.length > 0 || results.length === 0) return false;
    if (node.op === dequantizer || random.has(node.op)) return false;
    return (
      results.every(({ isConstant }) => isConstant) &&
      node.inputs.every((name) => name === "" || this.#isStored(name))
    );
  }

  /** Those that a node needs, or that leave the body. */
  heldBytes(isSubgraph: boolean): number {
    const outputs = new Set(this.#body.outputs.map((name) => this.#meaning(name)));
    let total = 0;
    for (const [name, { value, bytes }] of this.#stored) {
      const users = this.#users.get(name) ?? [];
      if (users.length === 0 && !outputs.has(name)) continue;
      if (this.#isMapped(name, users)) continue;
      let copies = copiesFor(value, users);
      if (isSubgraph) {
        // The subgraph as read is kept as well, and so is what its kernels have packed.
        copies += users.some(({ node }) => packing.has(node.op)) ? 2 : 1;
      } else if (users.some((user) => user.bodies.some((inner) => convolvesWith(inner, name)))) {
        // In a layout of its own, in the subgraph. The original stays where it was.
        copies += 1;
      }
      total += copies * bytes;
    }
    return total;
  }

  #isMapped(name: string, users: readonly FollowedNode[]): boolean {
    if (this.#mapped === "none" || this.#body.constants.get(name)?.isExternal !== true)
      return false;
    return this.#mapped === "all" || !users.some(({ node }) => packing.has(node.op));
  }

  unfolded(): { readonly repeated: ReadonlySet<string>; readonly fused: ReadonlySet<string> } {
    const repeated = new Set<string>();
    const fused = new Set<string>();
    for (const followed of this.#body.nodes) {
      if (followed.bodies.length > 0 || this.#isFolded(followed)) continue;
      const isRepeated = followed.results.every(({ isConstant }) => isConstant);
      if (!isRepeated) continue;
      const names = this.#staysQuantized(followed) ? fused : repeated;
      for (const name of followed.node.outputs) names.add(name);
    }
    return { repeated, fused };
  }

  /** Whether everything that needs a DequantizeLinear's result can take the weights as stored. */
  #staysQuantized({ node, inputs }: FollowedNode): boolean {
    if (node.op !== dequantizer) return false;
    const isPacked = packedInBytes.has(inputs[0]?.datatype ?? 0);
    const users = this.#users.get(node.outputs[0] ?? "") ?? [];
    return (
      users.length > 0 &&
      users.every((user) => {
        if (isPacked) return user.node.op === "MatMul";
        return quantizable.has(user.node.op) && this.#isAllQuantized(user.node);
      })
    );
  }

  #isAllQuantized({ inputs }: OnnxNode): boolean {
    return inputs.slice(0, 2).every((name) => this.#dequantized.has(name));
  }
}

function convolvesWith(body: FollowedBody, weights: string): boolean {
  return body.nodes.some(
    ({ node, bodies }) =>
      (node.op === "Conv" && node.inputs[1] === weights) ||
      bodies.some((inner) => convolvesWith(inner, weights)),
  );
}

/** How many copies of a constant's weights exist. */
function copiesFor({ datatype }: FollowedValue, users: readonly FollowedNode[]): number {
  if (datatype !== float16 && datatype !== bfloat16) return 1;
  const isMoved = users.some(({ node }) => moving.has(node.op));
  const isComputed = users.some(({ node }) => !moving.has(node.op)) || users.length === 0;
  return (isMoved ? 1 : 0) + (isComputed ? 2 : 0);
}

function attributeMemory(node: OnnxNode): HeldMemory {
  if (trees.has(ruleName(node))) return forestMemory(node);
  let heldBytes = 0;
  for (const { count } of node.attributes.values()) heldBytes += listedBytes * count;
  return { heldBytes, leftBehindBytes: 0 };
}

/** A forest is in the attributes of one node. */
function forestMemory({ op, attributes }: OnnxNode): HeldMemory {
  const kind = op === "TreeEnsemble" ? "withoutLeaves" : "withLeaves";
  const nodes = entryLists.reduce((found, name) => found || lengthOf(attributes.get(name)), 0);
  // Members of sets become nodes, too.
  const entries = nodes + lengthOf(attributes.get("membership_values"));
  let leaves = 0;
  let isDouble = false;
  for (const [name, attribute] of attributes) {
    if (leafLists.has(name)) leaves += lengthOf(attribute);
    isDouble ||= attribute.tensor?.datatype === double;
  }
  return {
    heldBytes:
      (treeEntryBytes[kind] + (isDouble ? doubleEntryBytes : 0)) * entries +
      leafWeightBytes * leaves,
    leftBehindBytes:
      leftByEntryBytes * entries +
      Math.min(leftByFirstEntriesBytes[kind] * entries, mostLeftByFirstEntriesBytes),
  };
}

function lengthOf(attribute: OnnxAttribute | undefined): number {
  const { tensor, count = 0 } = attribute ?? {};
  return tensor?.dims.reduce((product, size) => product * size, 1) ?? count;
}

function bytesOf({ shape, datatype }: FollowedValue): number {
  return shape.reduce((count, size) => count * size, storedBytes(datatype));
}
