// The messages of an ONNX file that a scan enters. Field numbers from onnx.proto.

/** The messages that are passed to the graph builder. */
export type GraphMessage =
  | "opset"
  | "graph"
  | "function"
  | "node"
  | "attribute"
  | "tensor"
  | "sparseTensor"
  | "input"
  | "output"
  | "described"
  | "type"
  | "tensorType"
  | "shape"
  | "dimension";

export type MessageName = GraphMessage | "model" | "externalData";

/** The fields that hold messages on the way to weights and shapes; all others are skipped. */
export const submessages: Readonly<Record<MessageName, Readonly<Record<number, MessageName>>>> = {
  model: { 7: "graph", 8: "opset", 25: "function" },
  opset: {},
  graph: { 1: "node", 5: "tensor", 11: "input", 12: "output", 13: "described", 15: "sparseTensor" },
  input: { 2: "type" },
  output: { 2: "type" },
  described: { 2: "type" },
  type: { 1: "tensorType" },
  tensorType: { 2: "shape" },
  shape: { 1: "dimension" },
  dimension: {},
  function: { 7: "node", 9: "opset", 11: "attribute" },
  node: { 5: "attribute" },
  attribute: {
    5: "tensor",
    6: "graph",
    10: "tensor",
    11: "graph",
    22: "sparseTensor",
    23: "sparseTensor",
  },
  sparseTensor: { 1: "tensor", 2: "tensor" },
  tensor: { 13: "externalData" },
  externalData: {},
};

/** Those that occur once in a message: Google's parser merges two into one, so neither is complete. */
const singleFields: Readonly<Partial<Record<MessageName, readonly number[]>>> = {
  model: [7],
  input: [2],
  output: [2],
  described: [2],
  type: [1],
  tensorType: [2],
  attribute: [5, 6, 22],
  sparseTensor: [1, 2],
};

const graphMessages: ReadonlySet<MessageName> = new Set<GraphMessage>([
  "opset",
  "graph",
  "function",
  "node",
  "attribute",
  "tensor",
  "sparseTensor",
  "input",
  "output",
  "described",
  "type",
  "tensorType",
  "shape",
  "dimension",
]);

/** Text fields, by message. */
const textFields: Partial<Record<MessageName, readonly number[]>> = {
  opset: [1],
  function: [1, 4, 5, 10, 13],
  node: [1, 2, 4, 7, 8],
  attribute: [1, 4, 21],
  tensor: [8],
  input: [1],
  output: [1],
  described: [1],
  dimension: [2],
};

export function isOfGraph(message: MessageName): message is GraphMessage {
  return graphMessages.has(message);
}

export function isSingle(message: MessageName, field: number): boolean {
  return singleFields[message]?.includes(field) === true;
}

export function isText(message: MessageName, field: number): boolean {
  return textFields[message]?.includes(field) === true;
}

/** AttributeProto's lists: of floats (4 bytes each), integers, and texts. */
export const attributeList = { floats: 7, integers: 8, texts: 9 } as const;
