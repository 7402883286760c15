import type { GraphBuilder } from "../../../onnx/write/graph-builder.ts";
import {
  boolTensor,
  floatTensor,
  int64Tensor,
  stringTensor,
  type Tensor,
} from "../../../onnx/write/graph-tensor.ts";
import { toItems } from "../../pickle/array-elements.ts";
import { NumpyArray } from "../../pickle/numpy-array.ts";
import type { PythonValue } from "../../pickle/python-value.ts";
import { refuse } from "../../pickle/refuse.ts";

/** The classes of a classifier, in the type that they had. */
export interface ClassList {
  readonly labels: readonly (string | number | boolean)[];
  readonly tensor: Tensor;
}

/** `what`: what messages call the list. */
export function readClasses(value: PythonValue, what: string): ClassList {
  if (!(value instanceof NumpyArray) || value.shape.length !== 1) {
    return refuse(
      `${what} is not one list of classes: classifiers of several outputs are not supported; export it to ONNX (skl2onnx)`,
    );
  }
  const items = toItems(value, what);
  if (items.length === 0) refuse(`${what} is empty`);
  if (items.every((item) => typeof item === "string")) {
    return { labels: items, tensor: stringTensor(items) };
  }
  if (items.every((item) => typeof item === "boolean")) {
    return { labels: items, tensor: boolTensor(items) };
  }
  if (!items.every((item) => typeof item === "number")) {
    return refuse(`${what} mixes labels of several types, which is not supported`);
  }
  const isWhole = value.dtype.kind !== "f" && items.every((item) => Number.isSafeInteger(item));
  return { labels: items, tensor: isWhole ? int64Tensor(items) : floatTensor("double", items) };
}

/** int64 `[N]` -> the labels `[N]`. */
export function labelsAt(graph: GraphBuilder, classes: ClassList, index: string): string {
  return graph.node("Gather", [graph.constant(classes.tensor), index], {
    attributes: { axis: { int: 0 } },
  });
}
