import type { GraphBuilder } from "./graph-builder.ts";
import type { FloatType } from "./tensor.ts";

// Output transforms as the libraries compute them. `x` and the result have the same type. ONNX Runtime's own
// float kernels for Exp, Sigmoid and Softmax are not exact enough.

/** e^x, correctly rounded for float. */
export function exponential(_graph: GraphBuilder, _x: string, _type: FloatType): string {
  return "";
}

/** 1 / (1 + e^(-slope x)). Float: 1 / (e^min(-x, 88.7) + 1), as XGBoost computes it. */
export function sigmoid(
  _graph: GraphBuilder,
  _x: string,
  _options: { type: FloatType; slope?: number },
): string {
  return "";
}

/** Over the last axis of `[N, K]`; sums in double. */
export function softmax(_graph: GraphBuilder, _x: string, _type: FloatType): string {
  return "";
}

/** `[N, 1]` or `[N]` -> `[N]`. */
export function flatten(_graph: GraphBuilder, _x: string): string {
  return "";
}

/** p as `[N]` or `[N, 1]` -> `[1 - p, p]` as `[N, 2]`. */
export function withComplement(_graph: GraphBuilder, _p: string, _type: FloatType): string {
  return "";
}

/** Labels of classifiers. Numbers that are all whole become int64, otherwise double. */
export type ClassLabels = readonly string[] | readonly number[] | readonly boolean[];

/** The label of each row's largest score, the first one of equals: `[N, K]` -> `[N]`. */
export function labelsOf(_graph: GraphBuilder, _scores: string, _labels: ClassLabels): string {
  return "";
}

/** Columns of categories, made whole for sets: a code is truncated towards zero; what is not one of `0 … size - 1`
 *  becomes `size`. NaN stays. `below`: whether values between -1 and 0 are code 0 (LightGBM) or none (XGBoost). */
export function wholeCategories(
  _graph: GraphBuilder,
  _x: string,
  _options: {
    type: FloatType;
    columns: number;
    /** Column -> number of categories. */
    sizes: ReadonlyMap<number, number>;
    below: "zero" | "none";
  },
): string {
  return "";
}
