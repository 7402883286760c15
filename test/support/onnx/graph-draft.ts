import type { Datatype, Tensor } from "../../../src/base/tensor.ts";
import type { Random } from "../attacks/mutate.ts";
import {
  type Dimension,
  encodeModel,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxTensor,
} from "../models/onnx-builder.ts";
import { packElements } from "../models/tensor-elements.ts";
import { randomElement, randomTensor } from "./random-values.ts";
import { openModel } from "./run-model.ts";

/** A value of a graph in the making: what it is for a few numbers of rows. */
export interface DraftValue {
  readonly name: string;
  readonly datatype: Datatype;
  readonly rank: number;
  /** One for each of `tracedRows`. */
  readonly traces: readonly Tensor[];
  /** Axes whose size depends on the rows. */
  readonly rowAxes: readonly number[];
}

export interface DraftInput {
  readonly name: string;
  readonly datatype: Datatype;
  readonly dims: readonly Dimension[];
  /** What stands for `dims`, "n" apart. */
  readonly sizes: readonly number[];
}

/** Two, so that sizes of dimensions do not pass for numbers of rows. */
const tracedRows = [2, 3] as const;
const maxElements = 300;

/** Thrown by what has no use for the values that there are. */
export class NoUse extends Error {}

/** A graph that grows by nodes that the engine can run: each is tried out before it is kept. */
export class GraphDraft {
  readonly random: Random;
  readonly opset: number;
  readonly inputs: readonly DraftInput[];
  readonly values: DraftValue[] = [];
  readonly nodes: OnnxNode[] = [];
  readonly constants: OnnxTensor[] = [];
  #nodesTried: OnnxNode[] = [];
  #constantsTried: OnnxTensor[] = [];
  #valuesTried: DraftValue[] = [];
  #names = 0;

  constructor(random: Random, opset: number, inputs: readonly DraftInput[]) {
    this.random = random;
    this.opset = opset;
    this.inputs = inputs;
    for (const { name, datatype, sizes } of inputs) {
      const traces = tracedRows.map((rows) =>
        randomTensor(random, { name, datatype, shape: [rows, ...sizes.slice(1)] }),
      );
      this.values.push(describe(name, traces));
    }
  }

  /** Lets `grow` add nodes and constants; false if the engine refuses them, or `grow` has no use for the values. */
  try(grow: (draft: GraphDraft) => void): boolean {
    this.#nodesTried = [];
    this.#constantsTried = [];
    this.#valuesTried = [];
    try {
      grow(this);
    } catch (error) {
      if (error instanceof NoUse || !(error instanceof TypeError)) return false;
      throw error;
    }
    this.nodes.push(...this.#nodesTried);
    this.constants.push(...this.#constantsTried);
    this.values.push(...this.#valuesTried);
    return true;
  }

  /** The newest values are the likelier ones. */
  pick(accepts: (value: DraftValue) => boolean): DraftValue {
    const fitting = [...this.values, ...this.#valuesTried].filter(accepts);
    if (fitting.length === 0) throw new NoUse();
    const newest = fitting.slice(-3);
    const from = this.random.below(3) > 0 ? newest : fitting;
    return from[this.random.below(from.length)] as DraftValue;
  }

  chance(percent: number): boolean {
    return this.random.below(100) < percent;
  }

  /** An axis, more often one without rows. */
  axis({ rank, rowAxes }: DraftValue): number {
    if (rank === 0) throw new NoUse();
    const others = Array.from({ length: rank }, (_, axis) => axis).filter(
      (axis) => !rowAxes.includes(axis),
    );
    if (others.length > 0 && this.chance(70)) return others[this.random.below(others.length)] ?? 0;
    return this.random.below(rank);
  }

  /** The size of a dimension that does not depend on the rows. */
  size({ traces, rowAxes }: DraftValue, axis: number): number {
    if (rowAxes.includes(axis)) throw new NoUse();
    return traces[0]?.shape[axis] ?? 1;
  }

  constant(datatype: Datatype, shape: readonly number[], given?: readonly number[]): string {
    const name = `c${this.#names++}`;
    const count = shape.reduce((product, size) => product * size, 1);
    const elements =
      given ?? Array.from({ length: count }, () => randomElement(this.random, datatype));
    const content =
      datatype === "BYTES"
        ? { strings: elements.map(String) }
        : { raw: packElements(datatype, elements) };
    this.#constantsTried.push({ name, datatype, shape, content });
    return name;
  }

  integers(...values: readonly number[]): string {
    return this.constant("INT64", [values.length], values);
  }

  /** Adds a node and runs it. `inputs` are values, or names of constants ("" for what is left out). */
  node(
    op: string,
    inputs: readonly (DraftValue | string)[],
    attributes: Readonly<Record<string, OnnxAttribute | number | readonly number[] | string>> = {},
    { outputs = 1, domain = "" } = {},
  ): DraftValue[] {
    const names = Array.from({ length: outputs }, () => `v${this.#names++}`);
    const node: OnnxNode = {
      op,
      domain,
      inputs: inputs.map((input) => (typeof input === "string" ? input : input.name)),
      outputs: names,
      attributes: Object.fromEntries(
        Object.entries(attributes).map(([name, value]) => [name, attributeOf(value)]),
      ),
    };
    const made = this.#run(node, inputs);
    this.#nodesTried.push(node);
    this.#valuesTried.push(...made);
    return made;
  }

  #run(node: OnnxNode, inputs: readonly (DraftValue | string)[]): DraftValue[] {
    const values = [...new Set(inputs.filter((input) => typeof input !== "string"))];
    const model = openModel(
      encodeModel(
        {
          inputs: values.map(({ name, datatype, rank }) => ({
            name,
            datatype,
            shape: new Array<string>(rank).fill(""),
          })),
          outputs: node.outputs.map((name) => ({ name, datatype: undefined, shape: undefined })),
          nodes: [node],
          constants: this.#constantsTried,
        },
        opsetsOf(this.opset),
      ).finish(),
    );
    try {
      const runs = tracedRows.map((_, at) =>
        model.run(values.map(({ traces }) => traces[at] as Tensor)),
      );
      return node.outputs.map((name, at) =>
        describe(
          name,
          runs.map((results) => results[at] as Tensor),
        ),
      );
    } finally {
      model.release();
    }
  }

  /** The nodes that lead to these values. */
  nodesOf(outputs: readonly DraftValue[]): readonly OnnxNode[] {
    const wanted = new Set(outputs.map(({ name }) => name));
    const used = [...this.nodes].reverse().filter((node) => {
      const isUsed = node.outputs.some((name) => wanted.has(name));
      if (isUsed) for (const name of node.inputs) wanted.add(name);
      return isUsed;
    });
    return used.reverse();
  }

  /** The model with these values as outputs. */
  finish(outputs: readonly DraftValue[]): Uint8Array {
    const nodes = this.nodesOf(outputs);
    const names = new Set(nodes.flatMap(({ inputs }) => inputs));
    return encodeModel(
      {
        inputs: this.inputs.map(({ name, datatype, dims }) => ({ name, datatype, shape: dims })),
        outputs: outputs.map(({ name, datatype, rank }) => ({
          name,
          datatype,
          shape: Array.from({ length: rank }, (_, axis) => (axis === 0 ? "n" : "")),
        })),
        nodes,
        constants: this.constants.filter(({ name }) => names.has(name)),
      },
      opsetsOf(this.opset),
    ).finish();
  }
}

function opsetsOf(opset: number) {
  return { "": opset, "ai.onnx.ml": 3, "com.microsoft": 1 };
}

function describe(name: string, traces: readonly Tensor[]): DraftValue {
  const [first, second] = traces;
  const shape = first?.shape ?? [];
  const other = second?.shape ?? [];
  const size = other.reduce((product, dim) => product * dim, 1);
  // Data that decide on the rank would make nodes that only run on these. The engine divides by the size of
  // what is empty, and dies of it.
  if (shape.length !== other.length || size === 0 || size > maxElements) throw new NoUse();
  return {
    name,
    datatype: first?.datatype ?? "FP32",
    rank: shape.length,
    traces: traces.map((trace) => ({ ...trace, name })),
    rowAxes: shape.flatMap((dim, axis) => (dim === other[axis] ? [] : [axis])),
  };
}

function attributeOf(value: OnnxAttribute | number | readonly number[] | string): OnnxAttribute {
  if (typeof value === "number") return { int: value };
  if (typeof value === "string") return { text: value };
  return "length" in value ? { ints: value } : value;
}
