import type { OnnxGraph } from "./onnx-graph.ts";

/** Whether row i of every output follows from row i of the inputs alone. */
export type RowProof =
  | { readonly isProven: true }
  | { readonly isProven: false; readonly reason: string };

/** `graph`: undefined where the structure of the file could not be followed. */
export function proveRows(graph: OnnxGraph | undefined): RowProof {
  const reason = graph === undefined ? "its graph is not known" : "its graph was not followed";
  return { isProven: false, reason };
}
