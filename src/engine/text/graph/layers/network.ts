import { GraphBuilder } from "../../../onnx/write/graph-builder.ts";
import type { Dimension } from "../../../onnx/write/onnx-fields.ts";
import type { Weights } from "./model-weights.ts";
import { TensorOps } from "./tensor-ops.ts";
import type { TextInput } from "./text-inputs.ts";

const opset = 21;

const batchAndTokens: readonly Dimension[] = ["batch", "tokens"];

/** A linear layer: `[out, in]`, and how many numbers come out and go in. */
export interface LinearShape {
  readonly from: number;
  readonly to: number;
  readonly hasBias?: boolean;
}

/** A text model's graph under construction: its inputs, and the layers that all families share. */
export class Network {
  readonly ops: TensorOps;
  readonly #inputs = new Map<TextInput, string>();
  #positions: string | undefined;

  constructor() {
    const graph = new GraphBuilder({ "": opset, "com.microsoft": 1 });
    this.ops = new TensorOps(graph, opset);
    this.input("input_ids");
    this.input("attention_mask");
  }

  /** Declares it when it is first used. */
  input(name: TextInput): string {
    const known = this.#inputs.get(name);
    if (known !== undefined) return known;
    const made = this.ops.graph.input(name, "int64", batchAndTokens);
    this.#inputs.set(name, made);
    return made;
  }

  /** Names of the inputs that are used. */
  get inputs(): readonly TextInput[] {
    return [...this.#inputs.keys()];
  }

  /** 0, 1, 2, … as INT64 `[tokens]`. */
  get positions(): string {
    const { ops } = this;
    if (this.#positions === undefined) {
      const size = ops.node("Shape", [this.input("input_ids")], {
        start: { int: 1 },
        end: { int: 2 },
      });
      const count = ops.squeeze(size, [0]);
      this.#positions = ops.node("Range", [ops.integer(0), count, ops.integer(1)]);
    }
    return this.#positions;
  }

  /** `x` times the transposed weight, plus the bias. */
  linear(x: string, weights: Weights, { from, to, hasBias = true }: LinearShape): string {
    const product = this.ops.turnedProduct(x, weights.tensor("weight", [to, from]));
    return hasBias ? this.ops.add(product, weights.tensor("bias", [to])) : product;
  }

  /** Over the last axis, of `size`. */
  normalize(x: string, weights: Weights, { size, epsilon, hasBias = true }: NormShape): string {
    const inputs = [x, weights.tensor("weight", [size])];
    if (hasBias) inputs.push(weights.tensor("bias", [size]));
    return this.ops.node("LayerNormalization", inputs, {
      axis: { int: -1 },
      epsilon: { float: epsilon },
    });
  }

  /** Divided by the root of the mean square of the last axis, of `size`. */
  scaleByRms(x: string, weights: Weights, { size, epsilon }: NormShape): string {
    const { ops } = this;
    const square = ops.mean(ops.multiply(x, x), -1);
    const root = ops.node("Sqrt", [ops.add(square, ops.number(epsilon))]);
    return ops.multiply(ops.divide(x, root), weights.tensor("weight", [size]));
  }

  /** The vectors of the first tokens: `[batch, tokens, width]` -> `[batch, width]`. */
  firstToken(x: string): string {
    return this.ops.gather(x, this.ops.integer(0), 1);
  }
}

export interface NormShape {
  readonly size: number;
  readonly epsilon: number;
  readonly hasBias?: boolean;
}
