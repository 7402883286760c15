import type { GraphBuilder } from "../../../onnx/write/graph-builder.ts";
import {
  elementTypes,
  floatTensor,
  int64Tensor,
  scalar,
} from "../../../onnx/write/graph-tensor.ts";
import type { Attribute } from "../../../onnx/write/onnx-fields.ts";

/** From this opset on, all reductions take their axes as an input. */
const axesAreInputs = 18;
/** From this opset on, so do ReduceSum, Squeeze and Unsqueeze. */
const axesOfSumsAreInputs = 13;

type Axes = readonly number[];

/** Operators on floats, as they are written most often. Arguments and results are names of values. */
export class TensorOps {
  readonly graph: GraphBuilder;
  readonly #opset: number;
  readonly #constants = new Map<string, string>();

  /** `opset`: of the default domain. */
  constructor(graph: GraphBuilder, opset: number) {
    this.graph = graph;
    this.#opset = opset;
  }

  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    return this.graph.node(op, inputs, { attributes });
  }

  number(value: number): string {
    return this.#constant(`float ${value}`, () => scalar("float", value));
  }

  integer(value: number): string {
    return this.#constant(`integer ${value}`, () => int64Tensor([value], []));
  }

  integers(values: readonly number[]): string {
    return this.#constant(`integers ${values}`, () => int64Tensor(values));
  }

  floats(values: readonly number[], shape: readonly number[]): string {
    return this.graph.constant(floatTensor("float", values, shape));
  }

  add(left: string, right: string): string {
    return this.node("Add", [left, right]);
  }

  subtract(left: string, right: string): string {
    return this.node("Sub", [left, right]);
  }

  multiply(left: string, right: string): string {
    return this.node("Mul", [left, right]);
  }

  divide(left: string, right: string): string {
    return this.node("Div", [left, right]);
  }

  /** A whole product: `[…, M, K]` times `[…, K, N]`. */
  product(left: string, right: string): string {
    return this.node("MatMul", [left, right]);
  }

  /** `left` times `right` with its last two axes exchanged, times `scale`: `[…, M, K]` and `[…, N, K]` give `[…, M, N]`.
   *  A constant on the right stays as it is stored. */
  turnedProduct(left: string, right: string, scale?: number): string {
    return this.graph.node("FusedMatMul", [left, right], {
      domain: "com.microsoft",
      attributes: {
        transB: { int: 1 },
        ...(scale === undefined ? {} : { alpha: { float: scale } }),
      },
    });
  }

  /** 0 in `shape` keeps the size of that axis, -1 stands for the rest. */
  reshape(x: string, shape: readonly number[]): string {
    return this.node("Reshape", [x, this.integers(shape)]);
  }

  transpose(x: string, order: readonly number[]): string {
    return this.node("Transpose", [x], { perm: { ints: order } });
  }

  cast(x: string, type: keyof typeof elementTypes): string {
    return this.node("Cast", [x], { to: { int: elementTypes[type] } });
  }

  /** Elements along `axis` at `indices`. */
  gather(x: string, indices: string, axis = 0): string {
    return this.node("Gather", [x, indices], { axis: { int: axis } });
  }

  concatenate(parts: readonly string[]): string {
    const [only] = parts;
    if (parts.length === 1 && only !== undefined) return only;
    return this.node("Concat", parts, { axis: { int: -1 } });
  }

  /** Equal parts of the last axis. */
  split(x: string, count: number): string[] {
    return this.graph.nodes("Split", [x], {
      outputs: count,
      attributes: { axis: { int: -1 }, num_outputs: { int: count } },
    });
  }

  unsqueeze(x: string, axes: Axes): string {
    return this.#withAxes("Unsqueeze", { x, axes, since: axesOfSumsAreInputs });
  }

  squeeze(x: string, axes: Axes): string {
    return this.#withAxes("Squeeze", { x, axes, since: axesOfSumsAreInputs });
  }

  sum(x: string, axis: number): string {
    return this.#withAxes("ReduceSum", { x, axes: [axis], since: axesOfSumsAreInputs });
  }

  mean(x: string, axis: number): string {
    return this.#withAxes("ReduceMean", { x, axes: [axis], since: axesAreInputs });
  }

  /** Without the axis. */
  largest(x: string, axis: number): string {
    const kept = this.#withAxes("ReduceMax", { x, axes: [axis], since: axesAreInputs });
    return this.squeeze(kept, [axis]);
  }

  /** The Euclidean length of the last axis, which is kept. */
  length(x: string): string {
    return this.#withAxes("ReduceL2", { x, axes: [-1], since: axesAreInputs });
  }

  #withAxes(
    op: string,
    { x, axes, since }: { readonly x: string; readonly axes: Axes; readonly since: number },
  ): string {
    if (this.#opset >= since) return this.node(op, [x, this.integers(axes)]);
    return this.node(op, [x], { axes: { ints: axes } });
  }

  #constant(key: string, make: () => Parameters<GraphBuilder["constant"]>[0]): string {
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const made = this.graph.constant(make());
    this.#constants.set(key, made);
    return made;
  }
}
