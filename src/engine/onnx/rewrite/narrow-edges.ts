import { unservedName } from "../types/element-types.ts";
import { type NarrowType, narrowType } from "../types/narrow-types.ts";
import { type GraphEdits, newValue } from "./graph-edits.ts";
import { newNode } from "./graph-node.ts";
import type { GraphOutline } from "./graph-outline.ts";
import type { GraphValue } from "./graph-value.ts";
import { ServingRefusal } from "./serving-refusal.ts";

/** An input or output that has another datatype, and another name, in the session. */
export interface NarrowEdge {
  readonly name: string;
  readonly type: NarrowType;
}

/** By the session's names. */
export interface NarrowEdges {
  readonly inputs: ReadonlyMap<string, NarrowEdge>;
  readonly outputs: ReadonlyMap<string, NarrowEdge>;
}

/** Inserts a Cast before each input, and after each output, whose datatype the binding cannot pass. `within`:
 *  initializers that are also inputs, and stay in the graph. Throws RuntimeError "invalid-argument" with the
 *  name of an input or output for which there is no Cast. */
export function widenEdges(
  outline: GraphOutline,
  edits: GraphEdits,
  within: (name: string) => boolean,
): NarrowEdges {
  const names = new Set([...outline.inputs, ...outline.outputs].map(({ name }) => name));
  const edges = { inputs: new Map<string, NarrowEdge>(), outputs: new Map<string, NarrowEdge>() };
  for (const value of outline.inputs) {
    const type = narrowTypeOf(value, "input");
    if (type === undefined || within(value.name)) continue;
    const outer = freeName(value.name, names);
    edges.inputs.set(outer, { name: value.name, type });
    replace(value, { role: "input", outer, type, edits });
    const ints = { to: numberOf(value), ...type.castAttributes };
    edits.addNodes([newNode("Cast", outer, { to: value.name, ints })]);
  }
  for (const value of outline.outputs) {
    const type = narrowTypeOf(value, "output");
    if (type === undefined) continue;
    const outer = freeName(value.name, names);
    edges.outputs.set(outer, { name: value.name, type });
    replace(value, { role: "output", outer, type, edits });
    edits.addNodes([newNode("Cast", value.name, { to: outer, ints: { to: type.carrier } })]);
  }
  return edges;
}

function replace(
  { field, type: declared }: GraphValue,
  change: {
    readonly role: "input" | "output";
    readonly outer: string;
    readonly type: NarrowType;
    readonly edits: GraphEdits;
  },
): void {
  const { role, outer, type, edits } = change;
  const shape = declared.tag === "tensor" ? declared.shape : undefined;
  edits.replace(field, [newValue(role, { name: outer, datatype: type.carrier, shape })]);
}

function narrowTypeOf(
  { name, type }: GraphValue,
  role: "input" | "output",
): NarrowType | undefined {
  if (type.tag !== "tensor") return undefined;
  const narrow = narrowType(type.datatype);
  const onnxName = unservedName(type.datatype);
  if (narrow !== undefined || onnxName === undefined) return narrow;
  throw new ServingRefusal(
    "invalid-argument",
    `${role} '${name}' is ${onnxName}, which cannot be served: export the model with a Cast there, ` +
      "to a datatype of the Open Inference Protocol",
  );
}

function numberOf({ type }: GraphValue): number {
  return type.tag === "tensor" ? type.datatype : 0;
}

function freeName(name: string, taken: Set<string>): string {
  let free = `modelport/${name}`;
  while (taken.has(free)) free += "/";
  taken.add(free);
  return free;
}
