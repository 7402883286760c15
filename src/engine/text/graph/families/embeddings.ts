import type { Source } from "./family.ts";

/** `[rows, columns]`. */
type TableShape = readonly [rows: number, columns: number];

/** The vectors of the tokens themselves. */
export function wordVectors({ net, weights }: Source, name: string, shape: TableShape): string {
  return weights.rows(name, shape, net.input("input_ids"));
}

/** The vectors of the texts' parts (0, and 1 for the second text of a pair). A model that knows one part only has no such
 *  input. */
export function typeVectors({ net, weights }: Source, name: string, shape: TableShape): string {
  const isFixed = shape[0] === 1;
  return weights.rows(name, shape, isFixed ? net.ops.integer(0) : net.input("token_type_ids"));
}

/** The numbers of tokens in their texts, as RoBERTa counts: from `padding + 1` on, and without tokens that are the padding,
 *  which all have the number `padding`. INT64 `[batch, tokens]`. */
export function countedPositions({ net }: Source, padding: number): string {
  const { ops } = net;
  const isPadding = ops.node("Equal", [net.input("input_ids"), ops.integer(padding)]);
  const counts = ops.cast(ops.node("Not", [isPadding]), "int64");
  const numbers = ops.multiply(ops.node("CumSum", [counts, ops.integer(1)]), counts);
  return ops.add(numbers, ops.integer(padding));
}
