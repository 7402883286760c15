import type { GraphBuilder } from "../../onnx/write/graph-builder.ts";
import {
  boolTensor,
  type ElementType,
  floatTensor,
  int64Tensor,
  stringTensor,
  type Tensor,
} from "../../onnx/write/graph-tensor.ts";

/** Classes of a classifier, all of one type. */
export type ClassLabels = readonly string[] | readonly number[] | readonly boolean[];

/** The label of each row's largest score, the first one of equals: `[N, K]` -> `[N]`, and its type: int64 if all numbers are
 *  whole, otherwise double. */
export function labelsOf(
  graph: GraphBuilder,
  scores: string,
  labels: ClassLabels,
): { readonly value: string; readonly type: ElementType } {
  const indices = graph.node("ArgMax", [scores], {
    attributes: { axis: { int: 1 }, keepdims: { int: 0 } },
  });
  return labelsAt(graph, indices, labels);
}

/** Labels by their indices, int64 of any shape. */
export function labelsAt(
  graph: GraphBuilder,
  indices: string,
  labels: ClassLabels,
): { readonly value: string; readonly type: ElementType } {
  const tensor = labelTensor(labels);
  const isIdentity = tensor.type === "int64" && labels.every((label, at) => label === at);
  if (isIdentity) return { value: indices, type: "int64" };
  return { value: graph.node("Gather", [graph.constant(tensor), indices]), type: tensor.type };
}

function labelTensor(labels: ClassLabels): Tensor {
  if (isTexts(labels)) return stringTensor(labels);
  if (isFlags(labels)) return boolTensor(labels);
  return labels.every(Number.isSafeInteger) ? int64Tensor(labels) : floatTensor("double", labels);
}

function isTexts(labels: ClassLabels): labels is readonly string[] {
  return typeof labels[0] === "string";
}

function isFlags(labels: ClassLabels): labels is readonly boolean[] {
  return typeof labels[0] === "boolean";
}
