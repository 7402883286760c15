import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Datatype } from "../../src/base/tensor.ts";
import type {
  Dimension,
  OnnxFunction,
  OnnxGraph,
  OnnxNode,
  OnnxTensor,
} from "../../test/support/models/onnx-builder.ts";
import { constant, encodeModel } from "../../test/support/models/onnx-builder.ts";
import { randomWeights, type WeightDatatype } from "../../test/support/models/random-weights.ts";

/** A kind of model whose memory is compared with what is reported for it. Its first dimension is the
 *  batch. */
export interface MemoryKind {
  readonly name: string;
  /** How many copies are loaded together: enough to make a process's noise small in comparison. */
  readonly copies: number;
  /** Writes it into the directory; resolves to the path. */
  write(directory: string): Promise<string>;
}

/** A model in short. */
export interface KindGraph {
  /** Names and shapes, FP32 unless `datatype` says otherwise. */
  readonly inputs: Readonly<Record<string, readonly Dimension[]>>;
  readonly datatype?: Datatype;
  readonly nodes: readonly OnnxNode[];
  readonly constants?: readonly OnnxTensor[];
  /** "y" if absent. */
  readonly outputs?: readonly string[];
  readonly functions?: readonly OnnxFunction[];
}

/** A kind from its graph, made when it is written. */
export function kind(name: string, copies: number, make: () => KindGraph): MemoryKind {
  return {
    name,
    copies,
    async write(directory) {
      const path = join(directory, `${name.replaceAll(/\W+/g, "-")}.onnx`);
      await writeFile(path, encodeKind(make()).pieces());
      return path;
    },
  };
}

export function encodeKind(graph: KindGraph) {
  const { inputs, datatype = "FP32", outputs = ["y"], nodes, constants = [], functions } = graph;
  const whole: OnnxGraph = {
    inputs: Object.entries(inputs).map(([name, shape]) => ({ name, datatype, shape })),
    outputs: outputs.map((name) => ({ name, datatype: undefined, shape: undefined })),
    nodes,
    constants,
  };
  const opsets = { "": 17, "ai.onnx.ml": 3, "com.microsoft": 1, bench: 1 };
  return encodeModel(whole, opsets, functions);
}

let seeds = 0;

/** Random weights; `fanIn` as in `randomWeights`, by default the product of all dimensions except the
 *  last. */
export function weights(
  name: string,
  shape: readonly number[],
  { datatype = "FP32", fanIn }: { datatype?: WeightDatatype; fanIn?: number } = {},
): OnnxTensor {
  const products =
    fanIn ??
    Math.max(
      1,
      shape.slice(0, -1).reduce((all, size) => all * size, 1),
    );
  // ONNX Runtime keeps equal tensors only once in memory.
  const raw = randomWeights({ datatype, shape, fanIn: products, seed: ++seeds });
  return { name, datatype, shape, content: { raw } };
}

/** A list of integers. */
export function list(name: string, values: readonly number[]): OnnxTensor {
  return constant(name, "INT64", [values.length], values);
}

/** One number. */
export function scalar(name: string, value: number): OnnxTensor {
  return constant(name, "FP32", [], [value]);
}
