import type { GraphBuilder } from "../graph/graph-builder.ts";
import type { TranslationOptions } from "../translation.ts";
import type { ColumnType } from "./features.ts";

/** One translation under way. */
export interface Translating {
  readonly graph: GraphBuilder;
  readonly options: TranslationOptions;
  /** What the columns of the model's input have to be, as far as steps have asked for them. */
  readonly columnTypes: Map<number, ColumnType>;
  /** Inner nodes of trees so far. */
  splits: number;
  /** Estimators that may still be translated: a small file can refer to one of them without end. */
  stepsLeft: number;
}
