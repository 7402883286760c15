import { type Rule, ruleTable } from "./node-view.ts";

// ONNX's own operators that give a scale beside what they have quantized.

const quantizes: Rule = (node) => [node.shape(0), [], []];

export const quantizationRules = ruleTable("", [["DynamicQuantizeLinear", quantizes]]);
