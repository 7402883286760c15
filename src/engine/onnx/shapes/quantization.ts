import { type Rule, ruleTable } from "./node-view.ts";

// ONNX's own operators that return a scale besides the quantized values.

const quantizes: Rule = (node) => [node.shape(0), [], []];

export const quantizationRules = ruleTable("", [["DynamicQuantizeLinear", quantizes]]);
