import type { OnnxAttribute, OnnxConstant, OnnxNode } from "../graph/model-graph.ts";

export type Shape = readonly number[];

/** One value of a graph, with all dimensions known. */
export interface ShapedValue {
  readonly shape: Shape;
  /** TensorProto.DataType number. */
  readonly datatype: number;
  /** All its numbers, row-major, if they are few and known before any run; a boolean is 0 or 1. */
  readonly values?: readonly number[] | undefined;
}

/** The shapes of a node's outputs in order, including omitted ones. Throws if it cannot tell. */
export type Rule = (node: NodeView) => readonly Shape[];

/** Operators of one family, by the names that `ruleName` returns. */
export type RuleTable = ReadonlyMap<string, Rule>;

/** What a rule reads from its node. Anything missing is thrown, as unclear. */
export class NodeView {
  readonly node: OnnxNode;
  /** The version of the node's domain. */
  readonly opset: number;
  readonly #inputs: readonly (ShapedValue | undefined)[];

  constructor(
    node: OnnxNode,
    { inputs, opset }: { inputs: readonly (ShapedValue | undefined)[]; opset: number },
  ) {
    this.node = node;
    this.opset = opset;
    this.#inputs = inputs;
  }

  get outputCount(): number {
    return this.node.outputs.length;
  }

  get inputCount(): number {
    return this.node.inputs.length;
  }

  /** Whether an optional input is given, known or not. */
  has(input: number): boolean {
    return (this.node.inputs[input] ?? "") !== "";
  }

  shapes(): readonly Shape[] {
    return this.node.inputs.map((_, index) => this.shape(index));
  }

  shape(input: number): Shape {
    return this.value(input).shape;
  }

  value(input: number): ShapedValue {
    return known(this.#inputs[input]);
  }

  values(input: number): readonly number[] {
    return known(this.value(input).values);
  }

  /** Undefined if they are not known before a run. */
  valuesIfKnown(input: number): readonly number[] | undefined {
    return this.#inputs[input]?.values;
  }

  /** An input's only number. */
  scalar(input: number): number {
    return at(this.values(input), 0);
  }

  /** A value that newer versions of an operator take as an input and older ones as an attribute. */
  list(input: number, attribute: string): readonly number[] | undefined {
    if (this.has(input)) return this.values(input);
    return this.attribute(attribute) === undefined ? undefined : this.ints(attribute);
  }

  /** An integer that newer versions of an operator take as an input and older ones as an attribute. */
  number(input: number, attribute: string, otherwise: number): number {
    return this.has(input) ? this.scalar(input) : this.int(attribute, otherwise);
  }

  ints(name: string): readonly number[] {
    return this.#whole(name, "ints");
  }

  floats(name: string): readonly number[] {
    return this.#whole(name, "floats");
  }

  int(name: string, otherwise: number): number {
    return this.attribute(name)?.int ?? otherwise;
  }

  text(name: string): string {
    return this.attribute(name)?.text ?? "";
  }

  /** Length of the list in an attribute. */
  count(name: string): number {
    return this.attribute(name)?.count ?? 0;
  }

  tensor(name: string): OnnxConstant | undefined {
    return this.attribute(name)?.tensor;
  }

  attribute(name: string): OnnxAttribute | undefined {
    return this.node.attributes.get(name);
  }

  /** A list that was too long to be kept is unclear. */
  #whole(name: string, kind: "ints" | "floats"): readonly number[] {
    const attribute = this.attribute(name);
    if (attribute === undefined) return [];
    if (attribute.count > attribute[kind].length) throw unclear();
    return attribute[kind];
  }
}

/** The key of an operator's rules. */
export function ruleName({ op, domain }: Pick<OnnxNode, "op" | "domain">): string {
  return domain === "" ? op : `${domain}:${op}`;
}

/** A table from rows of operators, separated by spaces, and their rule. */
export function ruleTable(domain: string, rows: readonly [ops: string, rule: Rule][]): RuleTable {
  return new Map(
    rows.flatMap(([ops, rule]) =>
      ops.split(" ").map((op): [string, Rule] => [ruleName({ op, domain }), rule]),
    ),
  );
}

export const microsoft = "com.microsoft";
export const classic = "ai.onnx.ml";

/** Thrown often, and caught by the walk: sharing one error saves the stack traces. */
const unclearShape = new Error("the shape is not clear");

export function unclear(): Error {
  return unclearShape;
}

export function known<T>(value: T | undefined): T {
  if (value === undefined) throw unclear();
  return value;
}

export function at(list: readonly number[], index: number): number {
  return known(list.at(index));
}

/** An axis, counted from the end if it is negative. `rank` itself is valid too: the position of a new one. */
export function axisOf(axis: number, rank: number): number {
  const index = axis < 0 ? axis + rank : axis;
  if (!(index >= 0 && index <= rank)) throw unclear();
  return index;
}

export function elements(shape: Shape): number {
  return shape.reduce((count, size) => count * size, 1);
}

/** `shape` with another size at `axis`. */
export function withSize(shape: Shape, axis: number, size: number): Shape {
  return shape.map((old, index) => (index === axis ? size : old));
}

export function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const one = a[axis - rank + a.length] ?? 1;
    const other = b[axis - rank + b.length] ?? 1;
    return one === 1 ? other : one;
  });
}

export const sameShape: Rule = (node) => [node.shape(0)];
export const broadcasts: Rule = (node) => [node.shapes().reduce(broadcast)];
