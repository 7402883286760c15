import { attend, splitHeads } from "../layers/attention.ts";
import type { Weights } from "../layers/model-weights.ts";
import type { Network } from "../layers/network.ts";

/** What the layers of a block are called in its weights. */
export interface BlockNames {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly attended: string;
  readonly attendedNorm: string;
  readonly inner: string;
  readonly outer: string;
  readonly outerNorm: string;
}

export interface BlockSizes {
  readonly width: number;
  readonly heads: number;
  readonly inner: number;
}

export interface BlockOptions extends BlockSizes {
  readonly names: BlockNames;
  readonly epsilon: number;
  /** Of the inner layer. */
  readonly activate: (x: string) => string;
  /** Added to the scores. */
  readonly bias: string;
}

/** Attention and two linear layers, each added to what went in and then normalised, as BERT has it. */
export function postNormBlock(
  net: Network,
  { x, weights }: { readonly x: string; readonly weights: Weights },
  options: BlockOptions,
): string {
  const { names, width, heads, inner, epsilon, bias } = options;
  const { ops } = net;
  const layout = { heads, size: width / heads };
  const whole = { from: width, to: width };
  const part = (name: string) =>
    splitHeads(net, net.linear(x, weights.below(`${name}.`), whole), layout);
  const mixed = attend(
    net,
    { query: part(names.query), key: part(names.key), value: part(names.value) },
    { layout, bias },
  );
  const norm = { size: width, epsilon };
  const attended = net.normalize(
    ops.add(x, net.linear(mixed, weights.below(`${names.attended}.`), whole)),
    weights.below(`${names.attendedNorm}.`),
    norm,
  );
  const wide = options.activate(
    net.linear(attended, weights.below(`${names.inner}.`), { from: width, to: inner }),
  );
  const narrow = net.linear(wide, weights.below(`${names.outer}.`), { from: inner, to: width });
  return net.normalize(ops.add(attended, narrow), weights.below(`${names.outerNorm}.`), norm);
}
