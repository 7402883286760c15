import { variableDimension } from "../../contract/variable-dimension.ts";
import {
  functionKey,
  type OnnxAttribute,
  type OnnxBody,
  type OnnxConstant,
  type OnnxFunction,
  type OnnxGraph,
  type OnnxNode,
  type OnnxValue,
  type Opsets,
} from "../graph/model-graph.ts";
import { followIf, followLoop, followScan } from "./control-flow.ts";
import { outputDatatype } from "./datatypes.ts";
import { elements, known, NodeView, type ShapedValue, unclear } from "./node-view.ts";
import { resultsOf } from "./rules.ts";

/** One value of a graph in a run, as far as it is known. */
export interface FollowedValue extends ShapedValue {
  /** Whether it follows from constants alone. */
  readonly isConstant: boolean;
  /** Whether its shape, or one that it follows from, is a guess. */
  readonly isGuess: boolean;
}

/** One node with its inputs and outputs; undefined: nothing is known about the input. */
export interface FollowedNode {
  readonly node: OnnxNode;
  readonly inputs: readonly (FollowedValue | undefined)[];
  readonly results: readonly FollowedValue[];
  /** Bodies of its subgraphs, as many as may run, or of the function that it calls. */
  readonly bodies: readonly FollowedBody[];
  /** Whether it calls a function. */
  readonly isCall: boolean;
}

export interface FollowedBody {
  readonly constants: ReadonlyMap<string, OnnxConstant>;
  readonly nodes: readonly FollowedNode[];
  /** Names of the values that leave it, in order. */
  readonly outputs: readonly string[];
  /** Every value that exists at some time, by name; not the surrounding ones. */
  readonly values: ReadonlyMap<string, FollowedValue>;
}

/** A node's results, and the bodies that produced them. */
export interface Outcome {
  readonly results: readonly FollowedValue[];
  readonly bodies: readonly FollowedBody[];
}

/** What nodes with subgraphs need from the walk. */
export interface BodyWalker {
  /** Follows `body` with these values for its inputs, in order. */
  follow(body: OnnxBody, inputs: readonly (FollowedValue | undefined)[]): FollowedBody;
}

/** How many nodes in loops and functions are followed, counting repetitions: bounds the work that a file can
 *  cause by nesting them. */
const maxInnerSteps = 50_000;
const maxCalls = 30;

/** Sizes of variable dimensions other than rows, by `dimensionKey`. */
export type DimensionSizes = ReadonlyMap<string, number>;

/** Dimensions with one name have one size; an unnamed one stands for itself. */
export function dimensionKey(dim: string, { name }: OnnxValue, axis: number): string {
  return dim === "" ? `${axis} of ${name}` : `named ${dim}`;
}

/** Follows the shapes of all values for a run on `rows` rows; other variable dimensions that are not in
 *  `sizes` are taken to be 16. Never throws. */
export function followShapes(
  graph: OnnxGraph,
  rows: number,
  sizes: DimensionSizes = new Map(),
): FollowedBody {
  return new ShapeWalk(graph, rows, sizes).walk();
}

/** The values that a node sees: those of its body, and of the surrounding bodies. */
class Scope {
  readonly values = new Map<string, FollowedValue>();
  readonly #around: Scope | undefined;

  constructor(around?: Scope) {
    this.#around = around;
  }

  get(name: string): FollowedValue | undefined {
    return this.values.get(name) ?? this.#around?.get(name);
  }
}

/** What applies to all nodes of a graph or function. */
interface Setting {
  readonly opsets: Opsets;
  /** In a function: the attributes of its call, to which its nodes refer. */
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
}

class ShapeWalk {
  readonly #graph: OnnxGraph;
  readonly #rows: number;
  readonly #sizes: DimensionSizes;
  /** What the names of dimensions stand for. */
  readonly #dimensions = new Map<string, number>();
  #innerSteps = 0;
  /** Bodies around the node. */
  #depth = 0;
  #calls = 0;

  constructor(graph: OnnxGraph, rows: number, sizes: DimensionSizes) {
    this.#graph = graph;
    this.#rows = rows;
    this.#sizes = sizes;
  }

  walk(): FollowedBody {
    const scope = new Scope();
    for (const input of this.#graph.inputs) {
      for (const [axis, dim] of (input.dims ?? []).entries()) {
        if (typeof dim === "string" && dim !== "" && !this.#dimensions.has(dim)) {
          this.#dimensions.set(dim, this.#sizeOf(dim, axis, input));
        }
      }
      // A value without a shape, or one that is not a tensor, determines nothing.
      if (input.dims === undefined || input.datatype === 0) continue;
      const shape = input.dims.map((dim, axis) => this.#sizeOf(dim, axis, input));
      const { datatype } = input;
      scope.values.set(input.name, { shape, datatype, isConstant: false, isGuess: false });
    }
    return this.#body(this.#graph, {
      scope,
      setting: { opsets: this.#graph.opsets, attributes: new Map() },
    });
  }

  #sizeOf(dim: number | string, axis: number, input: OnnxValue): number {
    if (typeof dim === "number") return dim;
    if (axis === 0) return this.#rows;
    return this.#sizes.get(dimensionKey(dim, input, axis)) ?? variableDimension;
  }

  #body(
    { nodes, outputs, constants, described }: Omit<OnnxBody, "inputs">,
    { scope, setting }: { scope: Scope; setting: Setting },
  ): FollowedBody {
    for (const [name, { dims, datatype, values }] of constants) {
      const shape = dims;
      scope.values.set(name, { shape, datatype, values, isConstant: true, isGuess: false });
    }
    const followed: FollowedNode[] = [];
    this.#depth++;
    for (const written of nodes) {
      // Later values are missing: nodes that need one report that it is unclear.
      if (this.#depth > 1 && ++this.#innerSteps > maxInnerSteps) break;
      const node = resolved(written, setting.attributes);
      const inputs = node.inputs.map((name) => (name === "" ? undefined : scope.get(name)));
      const { results, bodies } = this.#node(node, { inputs, scope, setting, described });
      for (const [at, name] of node.outputs.entries()) {
        const value = results[at];
        if (name !== "" && value !== undefined) scope.values.set(name, value);
      }
      const isCall = this.#graph.functions.has(functionKey(node));
      followed.push({ node, inputs, results, bodies, isCall });
    }
    this.#depth--;
    return { constants, nodes: followed, outputs: [...outputs], values: scope.values };
  }

  #node(
    node: OnnxNode,
    context: {
      readonly inputs: readonly (FollowedValue | undefined)[];
      readonly scope: Scope;
      readonly setting: Setting;
      readonly described: ReadonlyMap<string, OnnxValue>;
    },
  ): Outcome {
    const { inputs, scope, setting, described } = context;
    const view = new NodeView(node, { inputs, opset: setting.opsets.get(node.domain) ?? 1 });
    const isConstant = inputs.every((input, at) => node.inputs[at] === "" || input?.isConstant);
    let bodies: readonly FollowedBody[] = [];
    try {
      const called = this.#graph.functions.get(functionKey(node));
      if (called !== undefined) return this.#call(called, { node, inputs });
      const walker: BodyWalker = {
        follow: (body, given) => this.#inner(body, { given, scope, setting }),
      };
      const outcome = followBodies(view, { walker, inputs });
      if (outcome !== undefined) {
        bodies = outcome.bodies;
        if (outcome.results.length >= node.outputs.length) return outcome;
        throw unclear();
      }
      const isGuess = inputs.some((input) => input?.isGuess);
      return {
        results: resultsOf(view).map((result) => ({ ...result, isConstant, isGuess })),
        bodies,
      };
    } catch {
      const results = node.outputs.map((name, output) => {
        const datatype = outputDatatype(view, output);
        const shape = this.#described(described.get(name));
        if (shape !== undefined) return { shape, datatype, isConstant, isGuess: false };
        return { shape: guess(inputs), datatype, isConstant, isGuess: true };
      });
      return { results, bodies };
    }
  }

  /** A subgraph, which sees the surrounding values. */
  #inner(
    body: OnnxBody,
    {
      given,
      scope,
      setting,
    }: {
      readonly given: readonly (FollowedValue | undefined)[];
      readonly scope: Scope;
      readonly setting: Setting;
    },
  ): FollowedBody {
    const inner = new Scope(scope);
    for (const [at, { name }] of body.inputs.entries()) {
      const value = given[at];
      if (value !== undefined) inner.values.set(name, value);
    }
    return this.#body(body, { scope: inner, setting });
  }

  #call(
    called: OnnxFunction,
    {
      node,
      inputs,
    }: { readonly node: OnnxNode; readonly inputs: readonly (FollowedValue | undefined)[] },
  ): Outcome {
    if (this.#calls === maxCalls) throw unclear();
    const scope = new Scope();
    for (const [at, name] of called.inputs.entries()) {
      const value = inputs[at];
      if (value !== undefined) scope.values.set(name, value);
    }
    const attributes = new Map([...called.defaults, ...node.attributes]);
    this.#calls++;
    try {
      const body = this.#body(
        {
          nodes: called.nodes,
          outputs: new Set(called.outputs),
          constants: new Map(),
          described: new Map(),
        },
        { scope, setting: { opsets: called.opsets, attributes } },
      );
      const results = called.outputs
        .slice(0, node.outputs.length)
        .map((name) => known(scope.get(name)));
      return { results, bodies: [body] };
    } finally {
      this.#calls--;
    }
  }

  /** By the exporter's description. */
  #described(value: OnnxValue | undefined): readonly number[] | undefined {
    const shape = value?.dims?.map((dim) =>
      typeof dim === "number" ? dim : this.#dimensions.get(dim),
    );
    return shape?.every((dim) => dim !== undefined) ? shape : undefined;
  }
}

/** Undefined for a node without subgraphs. */
function followBodies(
  view: NodeView,
  context: {
    readonly walker: BodyWalker;
    readonly inputs: readonly (FollowedValue | undefined)[];
  },
): Outcome | undefined {
  if (view.node.domain !== "") return undefined;
  switch (view.node.op) {
    case "If":
      return followIf(view, context.walker);
    case "Loop":
      return followLoop(view, context);
    case "Scan":
      return followScan(view, context);
    default:
      return undefined;
  }
}

/** A function's node with the attributes of the call. */
function resolved(node: OnnxNode, given: ReadonlyMap<string, OnnxAttribute>): OnnxNode {
  let refers = false;
  for (const attribute of node.attributes.values()) refers ||= attribute.refersTo !== "";
  if (!refers) return node;
  const attributes = new Map<string, OnnxAttribute>();
  for (const [name, attribute] of node.attributes) {
    const meant = attribute.refersTo === "" ? attribute : given.get(attribute.refersTo);
    if (meant !== undefined) attributes.set(name, meant);
  }
  return { ...node, attributes };
}

/** Most operators produce no more than they take. */
function guess(inputs: readonly (FollowedValue | undefined)[]): readonly number[] {
  let biggest: FollowedValue | undefined;
  for (const input of inputs) {
    const isCandidate = input !== undefined && !input.isConstant;
    if (!isCandidate) continue;
    if (biggest === undefined || elements(input.shape) > elements(biggest.shape)) biggest = input;
  }
  return biggest?.shape ?? [];
}
