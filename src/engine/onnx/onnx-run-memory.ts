import { variableDimension } from "../variable-dimension.ts";
import type { OnnxGraph, OnnxNode, OnnxValue } from "./onnx-graph.ts";
import { outputIntegers, outputShapes, type ShapedValue } from "./onnx-shapes.ts";
import { storedBytes } from "./onnx-tensor-bytes.ts";

/** What a run takes beside the weights. */
export interface RunMemory {
  /** What nodes make of constants alone: computed at the load and kept, or all at once before a run. */
  readonly constantBytes: number;
  /** The most that is there between nodes at any time. */
  readonly peakBytes: number;
  /** Whether the shapes of all values were clear; else some are guesses. */
  readonly isClear: boolean;
}

interface LiveValue extends ShapedValue {
  /** Whether it follows from constants alone. */
  readonly isConstant: boolean;
}

/** As CPU kernels have them: half-precision is computed in FP32. */
const elementBytesOf: Readonly<Record<string, number>> = {
  ArgMax: 8,
  ArgMin: 8,
  ConvInteger: 4,
  DequantizeLinear: 4,
  DynamicQuantizeLinear: 1,
  Equal: 1,
  Greater: 1,
  GreaterOrEqual: 1,
  Less: 1,
  LessOrEqual: 1,
  MatMulInteger: 4,
  QuantizeLinear: 1,
  Shape: 8,
  Size: 8,
};
const castElementType = 1;
const leastElementBytes = 4;
/** Above all machines, and small enough for sums to stay exact. */
const mostBytes = 2 ** 42;

/** Follows the shapes through the graph for a run on `rows` rows. Never throws. */
export function runMemory(graph: OnnxGraph, rows: number): RunMemory {
  return new RunWalk(graph, rows).walk();
}

class RunWalk {
  readonly #graph: OnnxGraph;
  readonly #values = new Map<string, LiveValue>();
  /** What the names of dimensions stand for. */
  readonly #dimensions = new Map<string, number>();
  #constantBytes = 0;
  #liveBytes = 0;
  #peakBytes = 0;
  #isClear = true;

  constructor(graph: OnnxGraph, rows: number) {
    this.#graph = graph;
    for (const { dims = [] } of graph.inputs) {
      for (const [axis, dim] of dims.entries()) {
        if (typeof dim === "string" && dim !== "" && !this.#dimensions.has(dim)) {
          this.#dimensions.set(dim, axis === 0 ? rows : variableDimension);
        }
      }
    }
    for (const input of graph.inputs) {
      // Nothing follows from what has no shape.
      if (input.dims === undefined) continue;
      const shape = input.dims.map((dim, axis) => {
        if (typeof dim === "number") return dim;
        return axis === 0 ? rows : variableDimension;
      });
      const elementBytes = wide(storedBytes(input.datatype));
      this.#values.set(input.name, { shape, elementBytes, isConstant: false });
    }
    for (const [name, { dims, datatype, values: integers }] of graph.constants) {
      const elementBytes = storedBytes(datatype);
      this.#values.set(name, { shape: dims, elementBytes, integers, isConstant: true });
    }
  }

  walk(): RunMemory {
    const lastUses = this.#lastUses();
    for (const [index, node] of this.#graph.nodes.entries()) {
      const { isConstant, results } = this.#results(node);
      const bytes = results.reduce((sum, value) => sum + bytesOf(value), 0);
      if (isConstant) this.#constantBytes += bytes;
      else {
        this.#liveBytes += bytes;
        this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
      }
      for (const [at, value] of results.entries()) {
        this.#values.set(node.outputs[at] ?? "", value);
      }
      for (const name of lastUses.get(index) ?? []) this.#free(name);
    }
    return {
      peakBytes: this.#peakBytes,
      constantBytes: this.#constantBytes,
      isClear: this.#isClear,
    };
  }

  /** Index of a node -> the results of nodes that nobody needs after it. */
  #lastUses(): ReadonlyMap<number, readonly string[]> {
    const { nodes, outputs } = this.#graph;
    const last = new Map<string, number>();
    for (const [index, node] of nodes.entries()) {
      for (const name of node.outputs) last.set(name, index);
      for (const name of node.inputs) if (last.has(name)) last.set(name, index);
    }
    const byNode = new Map<number, string[]>();
    for (const [name, index] of last) {
      if (outputs.has(name)) continue;
      const names = byNode.get(index);
      if (names === undefined) byNode.set(index, [name]);
      else names.push(name);
    }
    return byNode;
  }

  #free(name: string): void {
    const value = this.#values.get(name);
    if (value !== undefined && !value.isConstant) this.#liveBytes -= bytesOf(value);
  }

  #results(node: OnnxNode): {
    readonly isConstant: boolean;
    readonly results: readonly LiveValue[];
  } {
    const inputs = node.inputs.map((name) => this.#values.get(name));
    const isConstant = inputs.every((input, at) => node.inputs[at] === "" || input?.isConstant);
    const elementBytes = elementBytesFor(node, inputs);
    const shapes = this.#shapes(node, inputs);
    const integers = outputIntegers(node, inputs);
    return {
      isConstant,
      results: shapes.map((shape) => ({ shape, elementBytes, integers, isConstant })),
    };
  }

  #shapes(
    node: OnnxNode,
    inputs: readonly (LiveValue | undefined)[],
  ): readonly (readonly number[])[] {
    try {
      return outputShapes(node, inputs);
    } catch {
      return node.outputs.map((name) => this.#described(name) ?? this.#guess(inputs));
    }
  }

  /** By what the exporter wrote down. */
  #described(name: string): readonly number[] | undefined {
    const value: OnnxValue | undefined = this.#graph.described.get(name);
    const shape = value?.dims?.map((dim) =>
      typeof dim === "number" ? dim : this.#dimensions.get(dim),
    );
    return shape?.every((dim) => dim !== undefined) ? shape : undefined;
  }

  /** Most operators give no more than they take. */
  #guess(inputs: readonly (LiveValue | undefined)[]): readonly number[] {
    this.#isClear = false;
    let biggest: LiveValue | undefined;
    for (const input of inputs) {
      const isCandidate = input !== undefined && !input.isConstant;
      if (isCandidate && (biggest === undefined || bytesOf(input) > bytesOf(biggest))) {
        biggest = input;
      }
    }
    return biggest?.shape ?? [];
  }
}

function elementBytesFor(node: OnnxNode, inputs: readonly (ShapedValue | undefined)[]): number {
  const fixed = elementBytesOf[node.op];
  if (fixed !== undefined) return fixed;
  if (node.op === "Cast") {
    return wide(storedBytes(node.attributes.get("to")?.int ?? castElementType));
  }
  const tensor = node.attributes.get("value")?.tensor;
  if (tensor !== undefined) return wide(storedBytes(tensor.datatype));
  const typical = node.op === "Where" ? inputs[1] : inputs[0];
  return wide(typical?.elementBytes ?? leastElementBytes);
}

/** Half-precision takes as much as FP32; bytes stay bytes. */
function wide(bytes: number): number {
  return bytes === 2 ? leastElementBytes : bytes;
}

/** Never beyond counting, whatever the file says. */
function bytesOf({ shape, elementBytes }: ShapedValue): number {
  if (shape.includes(0)) return 0;
  const bytes = shape.reduce((count, size) => count * size, elementBytes);
  return Math.min(bytes, mostBytes);
}
