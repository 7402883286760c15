import { nodeFields } from "./field-numbers.ts";
import type { GraphEdits } from "./graph-edits.ts";
import { newNode } from "./graph-node.ts";
import { type GraphOutline, isDefaultDomain } from "./graph-outline.ts";
import type { Field, ModelReader } from "./model-reader.ts";
import { message, type Piece, text } from "./pieces.ts";
import { findProducers } from "./producers.ts";

const double = 11;
const nodeOfGraph = 1;

/** Classic operators whose scores are float32 whatever their input is. */
const floatOperators: ReadonlySet<string> = new Set([
  "LinearClassifier",
  "LinearRegressor",
  "SVMClassifier",
  "SVMRegressor",
  "TreeEnsembleClassifier",
  "TreeEnsembleRegressor",
]);

/** Casts outputs that the file declares as double and the engine makes as float32. Exporters declare the type of the input,
 *  and the engine refuses a graph that does not keep to its declarations. Only in graphs with operators of which this is known. */
export function castToDouble(reader: ModelReader, outline: GraphOutline, edits: GraphEdits): void {
  const declared = outline.outputs.filter(
    ({ type }) => type.tag === "tensor" && type.datatype === double,
  );
  if (declared.length === 0) return;
  const producers = findProducers(reader, outline);
  const nodes = new Set(producers.values());
  if (![...nodes].some(({ node }) => isFloatOperator(node))) return;
  const renamed = new Map<string, string>();
  for (const { name } of declared) {
    const node = producers.get(name)?.node;
    // A cast makes what it says.
    if (node === undefined || isCast(node)) continue;
    let own = `${name}_uncast`;
    while (producers.has(own)) own += "_";
    renamed.set(name, own);
    edits.addNodes([newNode("Cast", own, { to: name, ints: { to: double } })]);
  }
  for (const { field, node } of nodes) {
    const isConcerned = [...node.inputs, ...node.outputs].some((name) => renamed.has(name));
    // Other nodes go on with what the node makes.
    if (isConcerned) edits.replace(field, [withNames(reader, field, renamed)]);
  }
}

function withNames(reader: ModelReader, node: Field, names: ReadonlyMap<string, string>): Piece {
  const pieces: Piece[] = [];
  for (const field of reader.fields(node.content, node.end)) {
    const isName = field.number === nodeFields.input || field.number === nodeFields.output;
    const name = isName ? names.get(reader.text(field)) : undefined;
    pieces.push(name === undefined ? field : text(field.number, name));
  }
  return message(nodeOfGraph, pieces);
}

function isFloatOperator({ op, domain }: { op: string; domain: string }): boolean {
  return domain === "ai.onnx.ml" && floatOperators.has(op);
}

function isCast({ op, domain }: { op: string; domain: string }): boolean {
  return op === "Cast" && isDefaultDomain(domain);
}
