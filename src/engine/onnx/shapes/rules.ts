import { classicRules } from "./classic.ts";
import { convolutionRules } from "./convolution.ts";
import { outputDatatype } from "./datatypes.ts";
import { elementwiseRules, trainingRules } from "./elementwise.ts";
import { generationRules } from "./generation.ts";
import { layoutRules } from "./layout.ts";
import { matrixRules } from "./matrices.ts";
import { microsoftRules } from "./microsoft.ts";
import { type NodeView, type RuleTable, ruleName, type ShapedValue, unclear } from "./node-view.ts";
import { quantizationRules } from "./quantization.ts";
import { selectionRules } from "./selection.ts";
import { previewRules, sequenceRules } from "./sequences.ts";
import { outputValues } from "./values.ts";

const rules: RuleTable = new Map(
  [
    elementwiseRules,
    convolutionRules,
    matrixRules,
    layoutRules,
    selectionRules,
    generationRules,
    sequenceRules,
    quantizationRules,
    classicRules,
    microsoftRules,
    trainingRules,
    previewRules,
  ].flatMap((table) => [...table]),
);

/** A node's results. Throws if the shapes cannot be determined: for an operator without a rule, or where they
 *  depend on numbers that are only known in a run. */
export function resultsOf(node: NodeView): readonly ShapedValue[] {
  const rule = rules.get(ruleName(node.node));
  if (rule === undefined) throw unclear();
  const shapes = rule(node).slice(0, node.outputCount);
  const isSound = (size: number) => size >= 0 && Number.isInteger(size);
  if (shapes.length < node.outputCount || !shapes.every((shape) => shape.every(isSound))) {
    throw unclear();
  }
  const results = shapes.map((shape, output) => ({
    shape,
    datatype: outputDatatype(node, output),
  }));
  const values = outputValues(node, results);
  return results.map((result, output) => ({ ...result, values: values[output] }));
}
