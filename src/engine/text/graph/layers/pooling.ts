import type { PoolingMode } from "../../folder/pooling-modes.ts";
import type { TensorOps } from "./tensor-ops.ts";

/** The vectors of tokens, and which of them count. */
export interface PoolSource {
  /** FP32 `[batch, tokens, width]`. */
  readonly tokens: string;
  /** The tokens that the encoder saw: INT64 `[batch, tokens]`. */
  readonly mask: string;
  /** Those of them that count, if not all do. */
  readonly counted?: string;
}

const lowest = -3.4028234663852886e38;
/** What totals of weights are at least, where no token counts. */
const leastTotal = 1e-9;

/** One vector per text: FP32 `[batch, width]`. Zeros where no token counts, except for "max" and "cls". */
export function pool(ops: TensorOps, mode: PoolingMode, source: PoolSource): string {
  const mask = source.counted ?? source.mask;
  const { tokens } = source;
  switch (mode) {
    case "cls":
      // Texts are padded at their ends.
      if (source.counted === undefined) return ops.gather(tokens, ops.integer(0), 1);
      return weightedSum(ops, tokens, oneToken(ops, mask, ops.integer(1)));
    case "lasttoken":
      return weightedSum(ops, tokens, oneToken(ops, mask, ops.sum(mask, 1)));
    case "max": {
      const isCounted = ops.unsqueeze(ops.cast(mask, "bool"), [2]);
      return ops.largest(ops.node("Where", [isCounted, tokens, ops.number(lowest)]), 1);
    }
    case "mean":
      return weightedMean(ops, tokens, ops.cast(mask, "float"));
    case "mean_sqrt_len": {
      const weights = ops.cast(mask, "float");
      const root = ops.node("Sqrt", [total(ops, weights)]);
      return ops.divide(weightedSum(ops, tokens, weights), root);
    }
    case "weightedmean": {
      const numbers = ops.node("CumSum", [source.mask, ops.integer(1)]);
      return weightedMean(ops, tokens, ops.cast(ops.multiply(numbers, mask), "float"));
    }
  }
}

function weightedMean(ops: TensorOps, tokens: string, weights: string): string {
  return ops.divide(weightedSum(ops, tokens, weights), total(ops, weights));
}

/** `weights`: FP32 `[batch, tokens]`. */
function weightedSum(ops: TensorOps, tokens: string, weights: string): string {
  return ops.squeeze(ops.product(ops.unsqueeze(weights, [1]), tokens), [1]);
}

/** `[batch, 1]` */
function total(ops: TensorOps, weights: string): string {
  return ops.node("Max", [ops.sum(weights, 1), ops.number(leastTotal)]);
}

/** 1 for the token that is the `number`th of those that count, 0 for all others: FP32 `[batch, tokens]`. */
function oneToken(ops: TensorOps, mask: string, number: string): string {
  const numbers = ops.multiply(ops.node("CumSum", [mask, ops.integer(1)]), mask);
  const isIt = ops.node("And", [ops.node("Equal", [numbers, number]), ops.cast(mask, "bool")]);
  return ops.cast(isIt, "float");
}
