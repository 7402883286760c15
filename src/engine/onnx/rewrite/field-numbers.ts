// Field numbers from onnx.proto, for the messages that are rewritten.

export const modelFields = { irVersion: 1, graph: 7, opsetImport: 8, function: 25 } as const;

export const functionFields = { node: 7, attribute: 11 } as const;

export const graphFields = {
  node: 1,
  initializer: 5,
  input: 11,
  output: 12,
  valueInfo: 13,
} as const;

export const valueFields = { name: 1, type: 2 } as const;

export const typeFields = { tensor: 1, sequence: 4, map: 5, sparseTensor: 8, optional: 9 } as const;

/** The parts of a map type. */
export const mapFields = { key: 1, values: 2 } as const;

/** The parts of a tensor type, and of a sequence or optional type. */
export const elementFields = { type: 1, shape: 2 } as const;

export const nodeFields = { input: 1, output: 2, name: 3, op: 4, attribute: 5, domain: 7 } as const;

export const attributeFields = {
  name: 1,
  int: 3,
  text: 4,
  tensor: 5,
  graph: 6,
  ints: 8,
  texts: 9,
  tensors: 10,
  graphs: 11,
  type: 20,
} as const;

/** AttributeProto.AttributeType. */
export const attributeTypes = { int: 2, text: 3, texts: 8 } as const;

export const tensorFields = {
  dimension: 1,
  datatype: 2,
  float: 4,
  int32: 5,
  text: 6,
  int64: 7,
  name: 8,
  raw: 9,
  double: 10,
  uint64: 11,
  location: 14,
} as const;
