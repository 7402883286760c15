// What an ONNX file says of its graph: names, shapes, attributes and small constants, never weights.

/** A value that the file describes. A dimension is a size, or the name of one that varies ("" unnamed). */
export interface OnnxValue {
  readonly name: string;
  /** Number of TensorProto.DataType; 0 if it is not a tensor. */
  readonly datatype: number;
  /** Undefined if the file does not say how many there are. */
  readonly dims: readonly (number | string)[] | undefined;
}

/** A tensor in the file. */
export interface OnnxConstant {
  readonly datatype: number;
  readonly dims: readonly number[];
  /** All its numbers, row-major, of any datatype but strings, if they take less than a KiB. */
  readonly values: readonly number[] | undefined;
  /** As stored, in the file or beside it; of a sparse tensor with all its zeros. */
  readonly sizeBytes: number;
}

export interface OnnxAttribute {
  readonly int: number | undefined;
  readonly float: number | undefined;
  readonly text: string;
  /** Empty, too, if the list is longer than a thousand: see `count`. */
  readonly ints: readonly number[];
  readonly floats: readonly number[];
  /** Elements of its list of integers, floats or texts; of a very long list at most that many. */
  readonly count: number;
  /** Of all its integers, the ones that are not kept included. */
  readonly largest: number | undefined;
  /** Those of its texts that take one or two bytes. */
  readonly shortTexts: ReadonlySet<string>;
  readonly tensor: OnnxConstant | undefined;
  readonly graph: OnnxBody | undefined;
  /** In the body of a function: the attribute of the function's call that is meant; else "". */
  readonly refersTo: string;
}

export interface OnnxNode {
  readonly op: string;
  /** "" for ONNX's own operators. */
  readonly domain: string;
  /** Of a call: which of the functions of that name. */
  readonly overload: string;
  /** "" for an optional one that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
}

/** A graph: the model's own, or one in an attribute of a node (If, Loop, Scan), which sees the values around. */
export interface OnnxBody {
  /** In order; without those that have a value in `constants`. */
  readonly inputs: readonly OnnxValue[];
  /** Outputs, and values between nodes that the exporter has described. */
  readonly described: ReadonlyMap<string, OnnxValue>;
  /** In order. */
  readonly outputs: ReadonlySet<string>;
  readonly constants: ReadonlyMap<string, OnnxConstant>;
  /** Each after those whose results it uses. */
  readonly nodes: readonly OnnxNode[];
}

/** Domain -> version of its operators. */
export type Opsets = ReadonlyMap<string, number>;

/** Nodes under a name, which other nodes call as an operator. */
export interface OnnxFunction {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** What attributes are where a call leaves them out. */
  readonly defaults: ReadonlyMap<string, OnnxAttribute>;
  readonly opsets: Opsets;
  readonly nodes: readonly OnnxNode[];
}

export interface OnnxGraph extends OnnxBody {
  readonly opsets: Opsets;
  /** By `functionKey`. */
  readonly functions: ReadonlyMap<string, OnnxFunction>;
}

/** Under which the function that `call` means lies in `OnnxGraph.functions`. */
export function functionKey(call: Pick<OnnxNode, "op" | "domain" | "overload">): string {
  return `${call.domain}\n${call.op}\n${call.overload}`;
}
