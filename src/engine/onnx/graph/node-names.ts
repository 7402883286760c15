import type { OnnxBody, OnnxNode } from "./model-graph.ts";

/** A node's inputs, and what its subgraphs take from the surrounding graph. */
export function namesUsedBy(node: OnnxNode): readonly string[] {
  const names = [...node.inputs];
  for (const { graph } of node.attributes.values()) {
    if (graph !== undefined) names.push(...namesIn(graph));
  }
  return names;
}

function namesIn({ nodes, outputs }: OnnxBody): readonly string[] {
  return [...nodes.flatMap(namesUsedBy), ...outputs];
}
