import { graphFields } from "./field-numbers.ts";
import { type GraphNode, readNode } from "./graph-node.ts";
import type { GraphOutline } from "./graph-outline.ts";
import type { Field, ModelReader } from "./model-reader.ts";

/** A node, and where it is in the file. */
export interface Producer {
  readonly field: Field;
  readonly node: GraphNode;
}

/** The nodes of the outermost graph, by the values that they make. */
export function findProducers(reader: ModelReader, { graph }: GraphOutline): Map<string, Producer> {
  const producers = new Map<string, Producer>();
  for (const field of reader.fields(graph.start, graph.end)) {
    if (field.number !== graphFields.node) continue;
    const node = readNode(reader, field);
    for (const output of node.outputs) producers.set(output, { field, node });
  }
  return producers;
}
