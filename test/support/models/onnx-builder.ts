import type { Datatype } from "../../../src/base/tensor.ts";
import { type DeferredBytes, ProtobufWriter } from "./protobuf-writer.ts";

// Builds ONNX files from plain descriptions. Field numbers are those of onnx.proto3, release 1.12.

const irVersion = 8;
const opsetVersion = 17;

/** Of which the last is none of the protocol. */
type ElementType = Datatype | "FLOAT4E2M1";

const elementTypes: Record<ElementType, number> = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
  BF16: 16,
  FLOAT4E2M1: 23,
};

/** A dimension: a size, the name of a dimension that varies, or "" for one that varies unnamed. */
export type Dimension = number | string;

/** A graph's input or output. `sequence` makes it a list of such tensors. Of an output, the engine can tell
 *  what is undefined. */
export interface OnnxValue {
  readonly name: string;
  readonly datatype: ElementType | undefined;
  readonly shape: readonly Dimension[] | undefined;
  readonly sequence?: boolean;
}

/** A constant. Raw data is little-endian and row-major; strings are for BYTES alone. */
export interface OnnxTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly content:
    | { readonly raw: Uint8Array | DeferredBytes }
    | { readonly strings: readonly string[] }
    | { readonly externalFile: string; readonly sizeBytes: number };
}

export type OnnxAttribute =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly texts: readonly string[] }
  | { readonly float: number }
  | { readonly text: string }
  | { readonly tensor: OnnxTensor }
  | { readonly graph: OnnxGraph };

export interface OnnxNode {
  readonly op: string;
  /** ONNX's own if left out. */
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxGraph {
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** In an order in which each node finds its inputs computed. */
  readonly nodes: readonly OnnxNode[];
  readonly constants?: readonly OnnxTensor[];
}

/** A function of the model, in a domain of its own: nodes that a node of its name stands for. */
export interface OnnxFunction {
  readonly name: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly OnnxNode[];
}

/** Domain -> version of its operators. */
export type Opsets = Readonly<Record<string, number>>;

export function encodeModel(
  graph: OnnxGraph,
  opsets: Opsets = { "": opsetVersion },
  functions: readonly OnnxFunction[] = [],
): ProtobufWriter {
  return new ProtobufWriter()
    .integer(1, irVersion)
    .text(2, "modelport-test")
    .message(7, encodeGraph(graph))
    .messages(8, encodeOpsets(opsets))
    .messages(25, functions.map(encodeFunction));
}

function encodeOpsets(opsets: Opsets): ProtobufWriter[] {
  return Object.entries(opsets).map(([domain, version]) =>
    new ProtobufWriter().text(1, domain).integer(2, version),
  );
}

function encodeFunction({ name, domain, inputs, outputs, nodes }: OnnxFunction): ProtobufWriter {
  return new ProtobufWriter()
    .text(1, name)
    .texts(4, inputs)
    .texts(5, outputs)
    .messages(7, nodes.map(encodeNode))
    .messages(9, encodeOpsets({ "": opsetVersion }))
    .text(10, domain);
}

/** A constant from numbers; INT64 takes integers only. */
export function constant(
  name: string,
  datatype: "FP32" | "INT64",
  shape: readonly number[],
  values: readonly number[],
): OnnxTensor {
  const data =
    datatype === "FP32" ? Float32Array.from(values) : BigInt64Array.from(values, (v) => BigInt(v));
  return { name, datatype, shape, content: { raw: new Uint8Array(data.buffer) } };
}

/** A node of ONNX's own operators. */
export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: NonNullable<OnnxNode["attributes"]> = {},
): OnnxNode {
  return { op, inputs, outputs, attributes };
}

/** An FP32 input or output. */
export function fp32(name: string, shape: OnnxValue["shape"]): OnnxValue {
  return { name, datatype: "FP32", shape };
}

function encodeGraph(graph: OnnxGraph): ProtobufWriter {
  return new ProtobufWriter()
    .messages(1, graph.nodes.map(encodeNode))
    .text(2, "graph")
    .messages(5, (graph.constants ?? []).map(encodeTensor))
    .messages(11, graph.inputs.map(encodeValue))
    .messages(12, graph.outputs.map(encodeValue));
}

function encodeNode(node: OnnxNode): ProtobufWriter {
  const attributes = Object.entries(node.attributes ?? {});
  return new ProtobufWriter()
    .texts(1, node.inputs)
    .texts(2, node.outputs)
    .text(4, node.op)
    .text(7, node.domain ?? "")
    .messages(
      5,
      attributes.map(([name, value]) => encodeAttribute(name, value)),
    );
}

function encodeAttribute(name: string, value: OnnxAttribute): ProtobufWriter {
  const attribute = new ProtobufWriter().text(1, name);
  if ("float" in value) return attribute.float(2, value.float).integer(20, 1);
  if ("int" in value) return attribute.integer(3, value.int).integer(20, 2);
  if ("text" in value) return attribute.text(4, value.text).integer(20, 3);
  if ("tensor" in value) return attribute.message(5, encodeTensor(value.tensor)).integer(20, 4);
  if ("graph" in value) return attribute.message(6, encodeGraph(value.graph)).integer(20, 5);
  if ("floats" in value) {
    for (const float of value.floats) attribute.float(7, float);
    return attribute.integer(20, 6);
  }
  if ("texts" in value) return attribute.texts(9, value.texts).integer(20, 8);
  return attribute.integers(8, value.ints).integer(20, 7);
}

function encodeTensor(tensor: OnnxTensor): ProtobufWriter {
  const { content } = tensor;
  const message = new ProtobufWriter()
    .integers(1, tensor.shape)
    .integer(2, elementTypes[tensor.datatype])
    .text(8, tensor.name);
  if ("raw" in content) return message.bytes(9, content.raw);
  if ("strings" in content) return message.texts(6, content.strings);
  return message
    .message(13, encodeEntry("location", content.externalFile))
    .message(13, encodeEntry("offset", "0"))
    .message(13, encodeEntry("length", String(content.sizeBytes)))
    .integer(14, 1);
}

function encodeEntry(key: string, value: string): ProtobufWriter {
  return new ProtobufWriter().text(1, key).text(2, value);
}

function encodeValue(value: OnnxValue): ProtobufWriter {
  if (value.datatype === undefined || value.shape === undefined) {
    return new ProtobufWriter().text(1, value.name);
  }
  const shape = new ProtobufWriter().messages(1, value.shape.map(encodeDimension));
  const tensor = new ProtobufWriter().integer(1, elementTypes[value.datatype]).message(2, shape);
  const type = new ProtobufWriter().message(1, tensor);
  const outer = value.sequence
    ? new ProtobufWriter().message(4, new ProtobufWriter().message(1, type))
    : type;
  return new ProtobufWriter().text(1, value.name).message(2, outer);
}

function encodeDimension(dimension: Dimension): ProtobufWriter {
  if (typeof dimension === "number") return new ProtobufWriter().integer(1, dimension);
  return dimension === "" ? new ProtobufWriter() : new ProtobufWriter().text(2, dimension);
}
