import { floatTensor, scalar } from "../../../onnx/write/graph-tensor.ts";
import { flatten, sigmoid, softmax, withComplement } from "../../graph/transforms.ts";
import { toDoubles } from "../../pickle/array-elements.ts";
import { NumpyArray } from "../../pickle/numpy-array.ts";
import { readClasses } from "../estimator/class-list.ts";
import type { Estimator } from "../estimator/estimator.ts";
import { asNumbers, type Features } from "../estimator/features.ts";
import { matrixProduct } from "../estimator/matrix-product.ts";
import type { Outcome } from "../estimator/outcome.ts";
import type { Translating } from "../estimator/translating.ts";

/** MLPClassifier and MLPRegressor. */
export function translateMlp(to: Translating, estimator: Estimator, features: Features): Outcome {
  const { graph } = to;
  const { value, outputs } = forward(to, estimator, features);
  const last = estimator.text("out_activation_");
  if (!estimator.has("classes_")) {
    const values = activated(to, value, { name: last, estimator });
    if (outputs > 1) return { kind: "values", values, columns: outputs };
    return { kind: "values", values: flatten(graph, values) };
  }
  const classes = readClasses(estimator.value("classes_"), estimator.called("classes_"));
  if (last === "softmax" && outputs > 1 && classes.labels.length === outputs) {
    const proba = softmax(graph, value, "double");
    const index = graph.node("ArgMax", [proba], {
      attributes: { axis: { int: 1 }, keepdims: { int: 0 } },
    });
    return { kind: "classes", classes, index, proba };
  }
  if (last !== "logistic" || outputs !== 1 || classes.labels.length !== 2) {
    return estimator.wrong("out_activation_", "belongs to several labels per row: not supported");
  }
  const positive = sigmoid(graph, flatten(graph, value), { type: "double" });
  const isSecond = graph.node("Greater", [positive, graph.constant(scalar("double", 0.5))]);
  const index = graph.node("Cast", [isSecond], { attributes: { to: { int: 7 } } });
  return { kind: "classes", classes, index, proba: withComplement(graph, positive, "double") };
}

function forward(
  to: Translating,
  estimator: Estimator,
  features: Features,
): { readonly value: string; readonly outputs: number } {
  const { graph } = to;
  const layers = estimator.list("coefs_");
  const biases = estimator.list("intercepts_");
  if (layers.length === 0 || layers.length !== biases.length) {
    return estimator.wrong(
      "coefs_",
      `has ${layers.length} layers, and ${biases.length} intercepts`,
    );
  }
  let width = estimator.count("n_features_in_");
  let value = asNumbers(to, features, width);
  for (const [at, layer] of layers.entries()) {
    const bias = biases[at];
    if (!(layer instanceof NumpyArray && bias instanceof NumpyArray)) {
      return estimator.wrong("coefs_", "holds something else than arrays");
    }
    const [rows, columns = 0] = layer.shape;
    if (layer.shape.length !== 2 || rows !== width || columns === 0 || bias.size !== columns) {
      return estimator.wrong("coefs_", `do not fit together in layer ${at}`);
    }
    const offset = floatTensor("double", toDoubles(bias, estimator.called("intercepts_")));
    const product = matrixProduct(graph, value, {
      values: toDoubles(layer, estimator.called("coefs_")),
      rows: width,
      columns,
    });
    value = graph.node("Add", [product, graph.constant(offset)]);
    width = columns;
    if (at + 1 < layers.length) {
      value = activated(to, value, { name: estimator.text("activation"), estimator });
    }
  }
  return { value, outputs: width };
}

function activated(
  { graph }: Translating,
  value: string,
  { name, estimator }: { readonly name: string; readonly estimator: Estimator },
): string {
  switch (name) {
    case "identity":
      return value;
    case "relu":
      return graph.node("Relu", [value]);
    case "tanh":
      return graph.node("Tanh", [value]);
    case "logistic":
      return sigmoid(graph, value, { type: "double" });
    case "softmax":
      return softmax(graph, value, "double");
    default:
      return estimator.wrong("activation", `is '${name}', which is not supported`);
  }
}
