import type { Network } from "./network.ts";

/** What is added to scores of keys that do not count. Infinity would make NaN where no key counts. */
const excluded = -3.4028234663852886e38;

/** How many axes scores have before those of queries and keys. */
type Leading = "heads" | "groups";

/** What is added to the scores of all layers: 0 for keys that count, a very small number for others. `near`: which keys
 *  each query may see besides, as BOOL `[tokens, tokens]`; by default all. Result: `[batch, 1, 1, tokens]`, or with
 *  `near` `[batch, 1, tokens, tokens]`; one more axis of 1 for scores by groups of heads. */
export function maskBias(net: Network, leading: Leading, near?: string): string {
  const { ops } = net;
  const isToken = ops.cast(net.input("attention_mask"), "bool");
  const keys = ops.unsqueeze(isToken, leading === "heads" ? [1, 2] : [1, 2, 3]);
  const allowed = near === undefined ? keys : ops.node("And", [keys, near]);
  return ops.node("Where", [allowed, ops.number(0), ops.number(excluded)]);
}

/** Position of the key minus position of the query: INT64 `[tokens, tokens]`, queries first. */
export function distances(net: Network): string {
  const { ops, positions } = net;
  return ops.subtract(ops.unsqueeze(positions, [0]), ops.unsqueeze(positions, [1]));
}

/** Keys at most `reach` positions away, on both sides. */
export function within(net: Network, reach: number): string {
  const { ops } = net;
  const apart = ops.node("Abs", [distances(net)]);
  return ops.node("LessOrEqual", [apart, ops.integer(reach)]);
}

/** Keys that do not come after the query. */
export function upToQuery(net: Network): string {
  return net.ops.node("LessOrEqual", [distances(net), net.ops.integer(0)]);
}
