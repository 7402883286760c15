// What an ONNX file says about its graph: names, shapes, attributes and small constants, never weights.

/** A value described in the file. A dimension is a size, or the name of a variable one ("" if unnamed). */
export interface OnnxValue {
  readonly name: string;
  /** TensorProto.DataType number; 0 if it is not a tensor. */
  readonly datatype: number;
  /** Undefined if the file does not say how many there are. */
  readonly dims: readonly (number | string)[] | undefined;
}

/** A tensor in the file. */
export interface OnnxConstant {
  readonly datatype: number;
  readonly dims: readonly number[];
  /** All its numbers, row-major, of any datatype except strings, if they take less than a KiB. */
  readonly values: readonly number[] | undefined;
  /** As stored, in the file or beside it; for a sparse tensor including all zeros. */
  readonly sizeBytes: number;
  /** Whether it is in a file beside the model's. */
  readonly isExternal?: boolean;
}

export interface OnnxAttribute {
  readonly int: number | undefined;
  readonly float: number | undefined;
  readonly text: string;
  /** Also empty if the list has more than a thousand elements: see `count`. */
  readonly ints: readonly number[];
  readonly floats: readonly number[];
  /** Length of its list of integers, floats or texts; capped for very long lists. */
  readonly count: number;
  /** The largest of all its integers, including those not kept. */
  readonly largest: number | undefined;
  /** Its texts that take one or two bytes. */
  readonly shortTexts: ReadonlySet<string>;
  readonly tensor: OnnxConstant | undefined;
  readonly graph: OnnxBody | undefined;
  /** In a function's body: the attribute of the function's call that it refers to; otherwise "". */
  readonly refersTo: string;
}

export interface OnnxNode {
  readonly op: string;
  /** "" for ONNX's own operators. */
  readonly domain: string;
  /** For a call: which of the functions with that name. */
  readonly overload: string;
  /** "" for an optional input that is omitted. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
}

/** A graph: the model's own, or one in an attribute of a node (If, Loop, Scan), which sees the surrounding
 *  values. */
export interface OnnxBody {
  /** In order; without those that have a value in `constants`. */
  readonly inputs: readonly OnnxValue[];
  /** Outputs, and values between nodes that the exporter described. */
  readonly described: ReadonlyMap<string, OnnxValue>;
  /** In order. */
  readonly outputs: ReadonlySet<string>;
  readonly constants: ReadonlyMap<string, OnnxConstant>;
  /** Each after the nodes whose results it uses. */
  readonly nodes: readonly OnnxNode[];
}

/** Domain -> version of its operators. */
export type Opsets = ReadonlyMap<string, number>;

/** Named groups of nodes, which other nodes call like an operator. */
export interface OnnxFunction {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Default values of attributes that a call omits. */
  readonly defaults: ReadonlyMap<string, OnnxAttribute>;
  readonly opsets: Opsets;
  readonly nodes: readonly OnnxNode[];
}

export interface OnnxGraph extends OnnxBody {
  readonly opsets: Opsets;
  /** By `functionKey`. */
  readonly functions: ReadonlyMap<string, OnnxFunction>;
}

/** The key in `OnnxGraph.functions` of the function that `call` refers to. */
export function functionKey(call: Pick<OnnxNode, "op" | "domain" | "overload">): string {
  return `${call.domain}\n${call.op}\n${call.overload}`;
}
