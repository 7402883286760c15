import type { GraphBuilder } from "../../../onnx/write/graph-builder.ts";
import { scalar } from "../../../onnx/write/graph-tensor.ts";
import { PythonDict, PythonName, PythonObject } from "../../pickle/python-value.ts";
import type { Estimator } from "../estimator/estimator.ts";
import { asNumbers, columnCount, type Features, numbersOf } from "../estimator/features.ts";
import type { Outcome } from "../estimator/outcome.ts";
import type { Translating } from "../estimator/translating.ts";

/** FunctionTransformer without a function, with one that only checks its argument, or with one of numpy's. */
export function translateFunction(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  const given = estimator.optional("func");
  const func = given instanceof PythonObject ? given.args[0] : given;
  if (func === undefined) return { kind: "transform", features };
  const name = func instanceof PythonName ? `${func}` : "a function of its own";
  if (name === "sklearn.utils.validation.check_array") return { kind: "transform", features };
  const options = estimator.optional("kw_args");
  if (options instanceof PythonDict && options.entries.size > 0) {
    return estimator.wrong(
      "kw_args",
      "are set, which is not supported; export it to ONNX (skl2onnx)",
    );
  }
  const write = func instanceof PythonName ? functions.get(func.name) : undefined;
  if (write === undefined || !name.startsWith("numpy.")) {
    return estimator.wrong(
      "func",
      `is ${name}, which is not supported; export it to ONNX (skl2onnx)`,
    );
  }
  const columns = columnCount(features);
  const value = write(to.graph, asNumbers(to, features, columns));
  return { kind: "transform", features: numbersOf(value, columns) };
}

const functions: ReadonlyMap<string, (graph: GraphBuilder, x: string) => string> = new Map([
  ["log1p", log1p],
  ["log", (graph, x) => graph.node("Log", [x])],
  ["exp", (graph, x) => graph.node("Exp", [x])],
  ["sqrt", (graph, x) => graph.node("Sqrt", [x])],
  ["absolute", (graph, x) => graph.node("Abs", [x])],
  ["square", (graph, x) => graph.node("Mul", [x, x])],
]);

/** ln(1 + x). What 1 + x loses of a small x comes back as a factor. */
function log1p(graph: GraphBuilder, x: string): string {
  const one = graph.constant(scalar("double", 1));
  const sum = graph.node("Add", [x, one]);
  const log = graph.node("Log", [sum]);
  const factor = graph.node("Div", [x, graph.node("Sub", [sum, one])]);
  const near = graph.node("Where", [
    graph.node("Equal", [sum, one]),
    x,
    graph.node("Mul", [log, factor]),
  ]);
  // A large x is the sum itself, up to infinity.
  return graph.node("Where", [graph.node("Equal", [sum, x]), log, near]);
}
