import type { FloatType } from "../../../onnx/write/graph-tensor.ts";
import type { ClassList } from "./class-list.ts";
import type { Features } from "./features.ts";

/** What an estimator makes of its features. */
export type Outcome =
  | { readonly kind: "transform"; readonly features: Features }
  | Values
  | Classes;

/** A regressor's answer: `[N]`, or `[N, columns]`. */
export interface Values {
  readonly kind: "values";
  /** Double unless given. */
  readonly type?: FloatType;
  readonly values: string;
  readonly columns?: number;
}

/** A classifier's answer. */
export interface Classes {
  readonly kind: "classes";
  /** Of `proba` and `margin`: double unless given. */
  readonly type?: FloatType;
  readonly classes: ClassList;
  /** Which class: int64 `[N]`. */
  readonly index: string;
  /** `[N, K]`, if the class has probabilities. */
  readonly proba?: string;
  /** The decision function: `[N]`, or `[N, columns]`. */
  readonly margin?: { readonly value: string; readonly columns?: number };
}
