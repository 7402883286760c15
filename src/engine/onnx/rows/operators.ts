import { axisRules } from "./axis-rules.ts";
import { elementwiseRules } from "./elementwise-rules.ts";
import { imageRules } from "./image-rules.ts";
import { layoutRules } from "./layout-rules.ts";
import { learnerRules } from "./learner-rules.ts";
import type { RowRule } from "./node.ts";
import { productRules } from "./product-rules.ts";
import { selectionRules } from "./selection-rules.ts";
import { sequenceRules } from "./sequence-rules.ts";
import { sizeRules } from "./size-rules.ts";

/** By operator, "domain:operator" for those outside ONNX's own domain. A missing operator ends the proof. */
export type RowOperators = ReadonlyMap<string, RowRule>;

export const rowOperators: RowOperators = new Map(
  Object.entries({
    ...axisRules,
    ...elementwiseRules,
    ...imageRules,
    ...layoutRules,
    ...learnerRules,
    ...productRules,
    ...selectionRules,
    ...sequenceRules,
    ...sizeRules,
  }),
);
