import type { TensorTally } from "./onnx-tensor-bytes.ts";

// The outermost graph of an ONNX file, as far as the shapes of its values follow from it.

/** A value that the file describes. A dimension is a size, or the name of one that varies ("" unnamed). */
export interface OnnxValue {
  readonly name: string;
  /** Number of TensorProto.DataType. */
  readonly datatype: number;
  readonly dims: readonly (number | string)[];
}

/** A tensor in the file. */
export interface OnnxConstant {
  readonly datatype: number;
  readonly dims: readonly number[];
  /** The values of a short list of INT64, which other shapes may follow from. */
  readonly integers: readonly number[] | undefined;
}

export interface OnnxAttribute {
  readonly int: number | undefined;
  readonly ints: readonly number[];
  readonly text: string;
  readonly tensor: OnnxConstant | undefined;
}

export interface OnnxNode {
  readonly op: string;
  /** "" for an optional one that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
}

export interface OnnxGraph {
  readonly inputs: readonly OnnxValue[];
  /** Outputs, and values between nodes that the exporter has described. */
  readonly described: ReadonlyMap<string, OnnxValue>;
  readonly outputs: ReadonlySet<string>;
  readonly constants: ReadonlyMap<string, OnnxConstant>;
  /** Each after those whose results it uses. */
  readonly nodes: readonly OnnxNode[];
}

/** The messages of which the builder is told. */
export type GraphMessage =
  | "node"
  | "attribute"
  | "tensor"
  | "input"
  | "output"
  | "described"
  | "type"
  | "tensorType"
  | "shape"
  | "dimension";

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type Attribute = Omit<Writable<OnnxAttribute>, "ints"> & { ints: number[] };

/** Bounds what a file can make us remember. */
const maxParts = 200_000;

/** Fields that are texts, by message; of onnx.proto. */
const textFields: Partial<Record<GraphMessage, readonly number[]>> = {
  node: [1, 2, 4],
  attribute: [1, 4],
  tensor: [8],
  input: [1],
  output: [1],
  described: [1],
  dimension: [2],
};

/** Puts a graph together from the fields of its messages, in the order of the file. */
export class OnnxGraphBuilder {
  readonly #inputs: OnnxValue[] = [];
  readonly #described = new Map<string, OnnxValue>();
  readonly #outputs = new Set<string>();
  readonly #constants = new Map<string, OnnxConstant>();
  readonly #nodes: OnnxNode[] = [];
  #parts = 0;
  #node = { op: "", inputs: [] as string[], outputs: [] as string[] };
  #attributes = new Map<string, OnnxAttribute>();
  #attributeName = "";
  #attribute: Attribute | undefined;
  #value = { name: "", datatype: 0, dims: [] as (number | string)[] };
  #dimension: number | string = "";
  #tensorName = "";

  /** Undefined if the graph was too big to be kept. */
  graph(): OnnxGraph | undefined {
    if (this.#parts > maxParts) return undefined;
    return {
      inputs: this.#inputs.filter(({ name }) => !this.#constants.has(name)),
      described: this.#described,
      outputs: this.#outputs,
      constants: this.#constants,
      nodes: this.#nodes,
    };
  }

  /** Whether a field of bytes is wanted as text. */
  wantsText(message: GraphMessage, field: number): boolean {
    return this.#parts <= maxParts && textFields[message]?.includes(field) === true;
  }

  enter(message: GraphMessage): void {
    this.#parts++;
    switch (message) {
      case "node":
        this.#node = { op: "", inputs: [], outputs: [] };
        this.#attributes = new Map();
        break;
      case "attribute":
        this.#attributeName = "";
        this.#attribute = { int: undefined, ints: [], text: "", tensor: undefined };
        break;
      case "tensor":
        this.#tensorName = "";
        break;
      case "input":
      case "output":
      case "described":
        this.#value = { name: "", datatype: 0, dims: [] };
        break;
      case "dimension":
        this.#dimension = "";
        break;
      case "type":
      case "tensorType":
      case "shape":
        break;
    }
  }

  text(message: GraphMessage, field: number, text: string): void {
    this.#parts++;
    if (message === "node") {
      if (field === 1) this.#node.inputs.push(text);
      else if (field === 2) this.#node.outputs.push(text);
      else this.#node.op = text;
    } else if (message === "attribute") {
      if (field === 1) this.#attributeName = text;
      else if (this.#attribute !== undefined) this.#attribute.text = text;
    } else if (message === "tensor") this.#tensorName = text;
    else if (message === "dimension") this.#dimension = text;
    else this.#value.name = text;
  }

  number(message: GraphMessage, field: number, value: number): void {
    if (message === "tensorType" && field === 1) this.#value.datatype = value;
    // Some exporters write -1 for a dimension that varies.
    else if (message === "dimension" && field === 1) this.#dimension = value < 0 ? "" : value;
    else if (message === "attribute" && this.#attribute !== undefined) {
      if (field === 3) this.#attribute.int = value;
      else if (field === 8) {
        this.#parts++;
        this.#attribute.ints.push(value);
      }
    }
  }

  /** `tally`: of a tensor. */
  leave(message: GraphMessage, tally: TensorTally): void {
    switch (message) {
      case "node":
        this.#nodes.push({ ...this.#node, attributes: this.#attributes });
        break;
      case "attribute":
        if (this.#attribute !== undefined) {
          this.#attributes.set(this.#attributeName, this.#attribute);
        }
        this.#attribute = undefined;
        break;
      case "tensor": {
        const { datatype, dims, integers } = tally;
        const constant = { datatype, dims, integers };
        if (this.#attribute === undefined) this.#constants.set(this.#tensorName, constant);
        else this.#attribute.tensor = constant;
        break;
      }
      case "dimension":
        this.#value.dims.push(this.#dimension);
        break;
      case "input":
        this.#inputs.push(this.#value);
        break;
      case "output":
        this.#outputs.add(this.#value.name);
        this.#described.set(this.#value.name, this.#value);
        break;
      case "described":
        this.#described.set(this.#value.name, this.#value);
        break;
      case "type":
      case "tensorType":
      case "shape":
        break;
    }
  }
}
