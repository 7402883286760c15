import { activationOf } from "../layers/activations.ts";
import { maskBias } from "../layers/masks.ts";
import { wordVectors } from "./embeddings.ts";
import type { Encoded, Family, Head, Source } from "./family.ts";
import { classify, tokenClassifier } from "./heads.ts";
import { type BlockNames, postNormBlock } from "./post-norm-block.ts";
import { headSize, layerCount } from "./sizes.ts";

const names: BlockNames = {
  query: "attention.q_lin",
  key: "attention.k_lin",
  value: "attention.v_lin",
  attended: "attention.out_lin",
  attendedNorm: "sa_layer_norm",
  inner: "ffn.lin1",
  outer: "ffn.lin2",
  outerNorm: "output_layer_norm",
};

/** Not a setting of these models. */
const epsilon = 1e-12;

function encode(source: Source): Encoded {
  const { net, weights, config } = source;
  const width = config.size(["dim", "hidden_size"]);
  const heads = config.size(["n_heads", "num_attention_heads"]);
  headSize(config, width, heads);
  const activate = activationOf(config.text("activation", "gelu"), "activation");
  const options = {
    names,
    width,
    heads,
    inner: config.size("hidden_dim"),
    epsilon,
    activate: (value: string) => activate(net.ops, value),
    bias: maskBias(net, "heads"),
  };
  let x = embed(source, width);
  const layers = layerCount(config, ["n_layers", "num_hidden_layers"]);
  for (let layer = 0; layer < layers; layer++) {
    const block = weights.below(`transformer.layer.${layer}.`);
    x = postNormBlock(net, { x, weights: block }, options);
  }
  return { tokens: x, width };
}

function embed(source: Source, width: number): string {
  const { net, weights, config } = source;
  const vocabulary = config.size("vocab_size");
  const words = wordVectors(source, "embeddings.word_embeddings.weight", [vocabulary, width]);
  const places = weights.rows(
    "embeddings.position_embeddings.weight",
    [config.size("max_position_embeddings", 512), width],
    net.positions,
  );
  const norm = weights.below("embeddings.LayerNorm.");
  return net.normalize(net.ops.add(words, places), norm, { size: width, epsilon });
}

const textHead: Head = ({ net, own, tokens, width }) => {
  const first = net.firstToken(tokens);
  const dense = net.linear(first, own.below("pre_classifier."), { from: width, to: width });
  const x = net.ops.node("Relu", [dense]);
  return classify(net, { x, weights: own.below("classifier.") }, width);
};

export const distilbert: Family = {
  prefix: "distilbert.",
  landmark: "embeddings.word_embeddings.weight",
  encode,
  textHead,
  tokenHead: tokenClassifier,
};
