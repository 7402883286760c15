import type { GraphBuilder } from "../../../onnx/write/graph-builder.ts";
import type { TranslationOptions } from "../../translation.ts";
import type { Estimator } from "./estimator.ts";
import type { ColumnType, Features } from "./features.ts";
import type { Outcome } from "./outcome.ts";

/** One translation under way. */
export interface Translating {
  readonly graph: GraphBuilder;
  readonly options: TranslationOptions;
  /** What the columns of the model's input have to be, as far as steps have asked for them. */
  readonly columnTypes: Map<number, ColumnType>;
  /** Inner nodes of trees so far. */
  splits: number;
  /** Adds an estimator of any class to the graph: for those that hold others. */
  translate(estimator: Estimator, features: Features): Outcome;
}

/** Adds one estimator to the graph. Throws RuntimeError "invalid-argument". */
export type TranslateEstimator = (
  to: Translating,
  estimator: Estimator,
  features: Features,
) => Outcome;
