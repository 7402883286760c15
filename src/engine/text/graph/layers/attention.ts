import type { Network } from "./network.ts";

export interface HeadLayout {
  readonly heads: number;
  /** Heads that share keys and values; by default each has its own. */
  readonly perGroup?: number;
  /** Numbers in a head. */
  readonly size: number;
}

/** `[batch, tokens, heads · size]` -> `[batch, heads, tokens, size]`, or with groups
 *  `[batch, groups, heads of the group, tokens, size]`. */
export function splitHeads(net: Network, x: string, layout: HeadLayout): string {
  const { ops } = net;
  const { heads, perGroup, size } = layout;
  if (perGroup === undefined) {
    return ops.transpose(ops.reshape(x, [0, 0, heads, size]), [0, 2, 1, 3]);
  }
  const grouped = ops.reshape(x, [0, 0, heads / perGroup, perGroup, size]);
  return ops.transpose(grouped, [0, 2, 3, 1, 4]);
}

/** Softmax of the scaled scores plus `bias`, times the values: `[batch, tokens, heads · size]`. `query`, `key` and `value`
 *  are split into heads by the same layout; with groups, keys and values have one head in each. */
export function attend(
  net: Network,
  parts: { readonly query: string; readonly key: string; readonly value: string },
  { layout, bias }: { readonly layout: HeadLayout; readonly bias: string },
): string {
  const { ops } = net;
  const { heads, perGroup, size } = layout;
  const scores = ops.turnedProduct(parts.query, parts.key, 1 / Math.sqrt(size));
  const shares = ops.node("Softmax", [ops.add(scores, bias)], { axis: { int: -1 } });
  const mixed = ops.product(shares, parts.value);
  const order = perGroup === undefined ? [0, 2, 1, 3] : [0, 3, 1, 2, 4];
  return ops.reshape(ops.transpose(mixed, order), [0, 0, heads * size]);
}
