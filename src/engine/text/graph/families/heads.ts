import type { Weights } from "../layers/model-weights.ts";
import type { Network } from "../layers/network.ts";
import type { Head, HeadSource, Logits } from "./family.ts";

/** A linear layer with one output per label. The labels are counted in the weights: config.json need not name them. */
export function classify(
  net: Network,
  { x, weights }: { readonly x: string; readonly weights: Weights },
  width: number,
): Logits {
  const labels = weights.shapeOf("weight")[0] ?? 0;
  return { logits: net.linear(x, weights, { from: width, to: labels }), labels };
}

/** Of each token. */
export const tokenClassifier: Head = ({ net, own, tokens, width }) =>
  classify(net, { x: tokens, weights: own.below("classifier.") }, width);

/** Of the first token, through a layer that belongs to the head. */
export const twoLayerClassifier: Head = (source) => throughDense(source, "Tanh");

/** The same with another activation: Electra's. */
export const geluClassifier: Head = (source) => throughDense(source, "Gelu");

function throughDense(
  { net, own, tokens, width }: HeadSource,
  activation: "Tanh" | "Gelu",
): Logits {
  const first = net.firstToken(tokens);
  const dense = net.linear(first, own.below("classifier.dense."), { from: width, to: width });
  const x = net.ops.node(activation, [dense]);
  return classify(net, { x, weights: own.below("classifier.out_proj.") }, width);
}
