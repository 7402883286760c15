import type { ForestBuilder } from "./forest-builder.ts";
import type { ElementType, Tensor } from "./tensor.ts";

export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: ArrayLike<number> }
  | { readonly floats: ArrayLike<number> }
  | { readonly strings: readonly string[] }
  | { readonly tensor: Tensor };

/** A dimension: a size, or the name of one that differs between requests. */
type Dimension = number | string;

/** An ONNX model under construction: opset 21, ai.onnx.ml 5. Values are referred to by the names that the methods
 *  return. The same calls make the same bytes. */
export class GraphBuilder {
  /** Declares an input and returns its name. */
  input(name: string, _type: ElementType, _shape: readonly Dimension[]): string {
    return name;
  }

  /** A constant, under a name of its own. */
  constant(_tensor: Tensor): string {
    return "";
  }

  /** A node with one output. `domain`: "" is ai.onnx, "ai.onnx.ml" the classic operators. An empty name among
   *  the inputs leaves an optional one out. */
  node(_op: string, _inputs: readonly string[], _attributes?: Record<string, Attribute>): string {
    return "";
  }

  /** A node with `outputs` outputs. */
  nodes(
    _op: string,
    _inputs: readonly string[],
    _options: { outputs: number; attributes?: Record<string, Attribute> },
  ): string[] {
    return [];
  }

  /** Sums of the trees for each row of `input`: shape `[N, targets]`, in the forest's type. */
  forest(_forest: ForestBuilder, _input: string): string {
    return "";
  }

  /** Makes `value` an output. */
  output(_name: string, _value: string, _type: ElementType, _shape: readonly Dimension[]): void {}

  /** An entry of metadata_props. */
  metadata(_key: string, _value: string): void {}

  /** The bytes of the model. Only once. */
  finish(): Uint8Array {
    return new Uint8Array();
  }
}
