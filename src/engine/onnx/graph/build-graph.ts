import { RuntimeError } from "../../../base/errors.ts";
import { attributeList, type GraphMessage } from "./message-kinds.ts";
import {
  functionKey,
  type OnnxAttribute,
  type OnnxConstant,
  type OnnxFunction,
  type OnnxGraph,
  type OnnxNode,
  type OnnxValue,
} from "./model-graph.ts";
import { shapeBytes, type TensorTally } from "./tensor-bytes.ts";
import { TreeLinks } from "./tree-links.ts";

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type Lists = { ints: number[]; floats: number[]; shortTexts: Set<string> };
type Attribute = Omit<Writable<OnnxAttribute>, keyof Lists> & Lists;

/** Bounds what a file can make us keep. */
const maxParts = 500_000;
/** Longer lists of numbers say nothing about shapes: only their lengths are kept. */
const maxListed = 1024;
/** The longer of the two names of ONNX's own domain. */
const ownDomain = "ai.onnx";

/** The messages of one graph or function that are being read. */
class Frame {
  readonly inputs: OnnxValue[] = [];
  readonly described = new Map<string, OnnxValue>();
  readonly outputs = new Set<string>();
  readonly constants = new Map<string, OnnxConstant>();
  readonly nodes: OnnxNode[] = [];
  readonly opsets = new Map<string, number>();
  /** In a function. */
  readonly signature = { op: "", domain: "", overload: "", inputs: [] as string[] };
  readonly defaults = new Map<string, OnnxAttribute>();
  opset = { domain: "", version: 0 };
  node: Writable<OnnxNode> & { inputs: string[]; outputs: string[] } = newNode();
  isInNode = false;
  links = new TreeLinks();
  attributes = new Map<string, OnnxAttribute>();
  attributeName = "";
  attribute: Attribute | undefined;
  value: Writable<OnnxValue> = newValue();
  dims: (number | string)[] = [];
  dimension: number | string = "";
  tensorName = "";
  sparse: { name: string; datatype: number; dims: number[] } | undefined;

  body() {
    return {
      inputs: this.inputs.filter(({ name }) => !this.constants.has(name)),
      described: this.described,
      outputs: this.outputs,
      constants: this.constants,
      nodes: this.nodes,
    };
  }
}

/** Real trees have fewer than 200. */
const maxTreeLevels = 4_096;

/** Builds graphs and functions from the fields of their messages, in file order. */
export class OnnxGraphBuilder {
  readonly #functions = new Map<string, OnnxFunction>();
  /** The model's opsets may come before or after its graph. */
  readonly #model = new Frame();
  #graph: Frame | undefined;
  #frames: Frame[] = [];
  #frame = this.#model;
  #parts = 0;
  readonly #name: string;

  /** `name`: what messages call the file. */
  constructor(name: string) {
    this.#name = name;
  }

  /** Undefined if the graph was too big to keep. */
  graph(): OnnxGraph | undefined {
    if (this.#parts > maxParts || this.#graph === undefined) return undefined;
    return {
      ...this.#graph.body(),
      opsets: this.#model.opsets,
      functions: this.#functions,
    };
  }

  /** Whether it still keeps what it is given. */
  get isListening(): boolean {
    return this.#parts <= maxParts;
  }

  enter(message: GraphMessage): void {
    this.#parts++;
    if (!this.isListening && !isFrame(message)) return;
    const frame = this.#frame;
    switch (message) {
      case "graph":
      case "function":
        this.#frames.push(frame);
        this.#frame = new Frame();
        break;
      case "opset":
        frame.opset = { domain: "", version: 0 };
        break;
      case "node":
        frame.node = newNode();
        frame.attributes = new Map();
        frame.links = new TreeLinks();
        frame.isInNode = true;
        break;
      case "attribute":
        frame.attributeName = "";
        frame.attribute = newAttribute();
        break;
      case "tensor":
        frame.tensorName = "";
        break;
      case "sparseTensor":
        frame.sparse = { name: "", datatype: 0, dims: [] };
        break;
      case "input":
      case "output":
      case "described":
        frame.value = newValue();
        break;
      case "shape":
        frame.dims = [];
        break;
      case "dimension":
        frame.dimension = "";
        break;
      case "type":
      case "tensorType":
        break;
    }
  }

  text(message: GraphMessage, field: number, text: string): void {
    this.#parts++;
    const frame = this.#frame;
    if (message === "node") this.#nodeText(field, text);
    else if (message === "function") this.#functionText(field, text);
    else if (message === "attribute") {
      if (field === 1) frame.attributeName = text;
      else if (frame.attribute === undefined) return;
      else if (field === 4) frame.attribute.text = text;
      else frame.attribute.refersTo = text;
    } else if (message === "opset") frame.opset.domain = domainOf(text);
    else if (message === "tensor") frame.tensorName = text;
    else if (message === "dimension") frame.dimension = text;
    else frame.value.name = text;
  }

  number(message: GraphMessage, field: number, value: number): void {
    const frame = this.#frame;
    if (message === "tensorType" && field === 1) frame.value.datatype = value;
    // Some exporters write -1 for a variable dimension.
    else if (message === "dimension" && field === 1) frame.dimension = value < 0 ? "" : value;
    else if (message === "opset" && field === 2) frame.opset.version = value;
    else if (message === "sparseTensor" && field === 3) frame.sparse?.dims.push(value);
    else if (message === "attribute" && frame.attribute !== undefined) {
      if (field === 3) frame.attribute.int = value;
      else if (field === attributeList.integers) {
        frame.attribute.largest = Math.max(value, frame.attribute.largest ?? value);
        frame.links.take(frame.attributeName, value);
        this.#listed(frame.attribute.ints, value);
      }
    }
  }

  /** A float attribute. */
  float(field: number, value: number): void {
    const { attribute } = this.#frame;
    if (attribute === undefined) return;
    if (field === 2) attribute.float = value;
    else if (field === attributeList.floats) this.#listed(attribute.floats, value);
  }

  /** Whether all elements of the attribute's list of integers are to be passed on, however many there are. */
  get wantsAll(): boolean {
    return this.#frame.links.wants(this.#frame.attributeName);
  }

  /** Elements of an attribute's list whose values are not passed on. */
  countListed(count: number): void {
    const { attribute } = this.#frame;
    if (attribute !== undefined) attribute.count += count;
  }

  /** An element of an attribute's list of texts; all that take one or two bytes are passed on. */
  shortText(text: string): void {
    this.#frame.attribute?.shortTexts.add(text);
  }

  /** Something was too long to be passed on, and without it the graph would be another one. */
  giveUp(): void {
    this.#parts = Number.POSITIVE_INFINITY;
  }

  /** `tally`: the tensor's. */
  leave(message: GraphMessage, tally: TensorTally): void {
    if (!this.isListening && !isFrame(message)) return;
    const frame = this.#frame;
    switch (message) {
      case "graph":
        this.#leaveGraph(frame);
        break;
      case "function":
        this.#leaveFunction(frame);
        break;
      case "opset":
        frame.opsets.set(frame.opset.domain, frame.opset.version);
        break;
      case "node":
        this.#checkDepth(frame);
        frame.nodes.push({ ...frame.node, attributes: frame.attributes });
        frame.isInNode = false;
        break;
      case "attribute":
        this.#leaveAttribute(frame);
        break;
      case "tensor":
        this.#leaveTensor(frame, tally);
        break;
      case "sparseTensor":
        if (frame.sparse !== undefined) {
          const { name, datatype, dims } = frame.sparse;
          frame.sparse = undefined;
          const elements = dims.reduce((count, size) => count * size, 1);
          const sizeBytes = shapeBytes({ datatype, elements });
          keep(frame, name, { datatype, dims, values: undefined, sizeBytes });
        }
        break;
      case "shape":
        frame.value.dims = frame.dims;
        break;
      case "dimension":
        frame.dims.push(frame.dimension);
        break;
      case "input":
        frame.inputs.push(frame.value);
        break;
      case "output":
        frame.outputs.add(frame.value.name);
        frame.described.set(frame.value.name, frame.value);
        break;
      case "described":
        frame.described.set(frame.value.name, frame.value);
        break;
      case "type":
      case "tensorType":
        break;
    }
  }

  /** ONNX Runtime recurses into trees: one that is deep enough would end its process. */
  #checkDepth({ links, node }: Frame): void {
    if (links.depth(node, maxTreeLevels) <= maxTreeLevels) return;
    throw new RuntimeError(
      "invalid-argument",
      `${this.#name} has a tree of more than ${maxTreeLevels} levels, which ONNX Runtime cannot load: train it with a lower maximal depth`,
    );
  }

  #nodeText(field: number, text: string): void {
    const { node } = this.#frame;
    if (field === 1) node.inputs.push(text);
    else if (field === 2) node.outputs.push(text);
    else if (field === 4) node.op = text;
    else if (field === 7) node.domain = domainOf(text);
    else node.overload = text;
  }

  #functionText(field: number, text: string): void {
    const { signature, outputs } = this.#frame;
    if (field === 1) signature.op = text;
    else if (field === 4) signature.inputs.push(text);
    else if (field === 5) outputs.add(text);
    else if (field === 10) signature.domain = domainOf(text);
    else signature.overload = text;
  }

  /** A list that is too long becomes empty and stays so: a part of it would be taken for all of it. */
  #listed(list: number[], value: number): void {
    const { attribute } = this.#frame;
    if (attribute === undefined) return;
    const isWhole = list.length === attribute.count;
    attribute.count++;
    if (!isWhole) return;
    if (list.length === maxListed) list.length = 0;
    else {
      this.#parts++;
      list.push(value);
    }
  }

  #leaveGraph(frame: Frame): void {
    this.#frame = this.#frames.pop() ?? this.#model;
    const { attribute } = this.#frame;
    if (attribute !== undefined) attribute.graph = frame.body();
    else this.#graph = frame;
  }

  #leaveFunction(frame: Frame): void {
    this.#frame = this.#frames.pop() ?? this.#model;
    const { signature, outputs, defaults, opsets, nodes } = frame;
    this.#functions.set(functionKey(signature), {
      inputs: signature.inputs,
      outputs: [...outputs],
      defaults,
      opsets,
      nodes,
    });
  }

  #leaveAttribute(frame: Frame): void {
    const { attribute, attributeName } = frame;
    frame.attribute = undefined;
    if (attribute === undefined) return;
    // A function's defaults are beside its nodes.
    (frame.isInNode ? frame.attributes : frame.defaults).set(attributeName, attribute);
  }

  #leaveTensor(frame: Frame, tally: TensorTally): void {
    const { datatype, dims, elements, values, sizeBytes, isExternal } = tally;
    if (frame.sparse !== undefined) {
      // The tensor of values carries the name and datatype, the tensor of indices does not.
      if (frame.sparse.datatype === 0) frame.sparse.datatype = datatype;
      if (frame.sparse.name === "") frame.sparse.name = frame.tensorName;
      return;
    }
    const numbers = elements === 0 ? [] : values;
    keep(frame, frame.tensorName, {
      datatype,
      dims,
      values: numbers?.length === elements ? numbers : undefined,
      sizeBytes,
      ...(isExternal && { isExternal }),
    });
  }
}

function isFrame(message: GraphMessage): boolean {
  return message === "graph" || message === "function";
}

function keep(frame: Frame, name: string, constant: OnnxConstant): void {
  if (frame.attribute === undefined) frame.constants.set(name, constant);
  else frame.attribute.tensor = constant;
}

function newNode() {
  return {
    op: "",
    domain: "",
    overload: "",
    inputs: [] as string[],
    outputs: [] as string[],
    attributes: new Map<string, OnnxAttribute>(),
  };
}

function newValue(): Writable<OnnxValue> {
  return { name: "", datatype: 0, dims: undefined };
}

function newAttribute(): Attribute {
  return {
    int: undefined,
    float: undefined,
    text: "",
    ints: [],
    floats: [],
    count: 0,
    largest: undefined,
    shortTexts: new Set(),
    tensor: undefined,
    graph: undefined,
    refersTo: "",
  };
}

function domainOf(text: string): string {
  return text === ownDomain ? "" : text;
}
