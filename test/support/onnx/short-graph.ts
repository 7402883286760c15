import type { Datatype } from "../../../src/base/tensor.ts";
import {
  constant,
  type Dimension,
  encodeModel,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxTensor,
} from "../models/onnx-builder.ts";

/** Attributes in short: integers, lists of integers, texts; all others as they are. */
export type ShortAttributes = Readonly<
  Record<string, number | readonly number[] | string | OnnxAttribute>
>;

/** Constants in short: a list of integers, one alone, or FP32 zeros of a shape. */
type ShortConstant = readonly number[] | number | { readonly fp32: readonly number[] } | OnnxTensor;

export interface ShortGraph {
  /** Shapes, FP32 unless `datatypes` says otherwise. */
  readonly inputs: Readonly<Record<string, readonly Dimension[]>>;
  readonly datatypes?: Readonly<Record<string, Datatype>>;
  readonly nodes: readonly OnnxNode[];
  readonly constants?: Readonly<Record<string, ShortConstant>>;
  readonly outputs?: readonly string[];
  readonly opset?: number;
}

/** "b = Op(a, , c)" */
export function node(text: string, attributes: ShortAttributes = {}): OnnxNode {
  const match = /^(.*?) = (?:(.*):)?(\w+)\((.*)\)$/.exec(text);
  if (match === null) throw new Error(`no node: ${text}`);
  const [, outputs = "", domain = "", op = "", inputs = ""] = match;
  return {
    op,
    domain,
    inputs: inputs === "" ? [] : inputs.split(",").map((name) => name.trim()),
    outputs: outputs.split(",").map((name) => name.trim()),
    attributes: Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [name, attribute(value)]),
    ),
  };
}

/** The bytes of a model. The output "y" is declared with as many dimensions as its reader likes. */
export function shortModel(graph: ShortGraph): Uint8Array {
  return encodeModel(
    {
      inputs: Object.entries(graph.inputs).map(([name, shape]) => ({
        name,
        datatype: graph.datatypes?.[name] ?? "FP32",
        shape,
      })),
      outputs: (graph.outputs ?? ["y"]).map((name) => ({ name, datatype: "FP32", shape: ["n"] })),
      nodes: graph.nodes,
      constants: Object.entries(graph.constants ?? {}).map(([name, value]) => tensor(name, value)),
    },
    { "": graph.opset ?? 17, "ai.onnx.ml": 3, "com.microsoft": 1 },
  ).finish();
}

function attribute(value: ShortAttributes[string]): OnnxAttribute {
  if (typeof value === "number") return { int: value };
  if (typeof value === "string") return { text: value };
  return "length" in value ? { ints: value } : value;
}

function tensor(name: string, value: ShortConstant): OnnxTensor {
  if (typeof value === "number") return constant(name, "INT64", [], [value]);
  if ("length" in value) return constant(name, "INT64", [value.length], value);
  if ("name" in value) return value;
  const count = value.fp32.reduce((all, size) => all * size, 1);
  return constant(name, "FP32", value.fp32, new Array<number>(count).fill(0.5));
}
