import { int64Tensor } from "../../../onnx/write/graph-tensor.ts";
import { activationOf } from "../layers/activations.ts";
import { distances, maskBias } from "../layers/masks.ts";
import { countedPositions, wordVectors } from "./embeddings.ts";
import type { Encoded, Family, Source } from "./family.ts";
import { tokenClassifier, twoLayerClassifier } from "./heads.ts";
import { type BlockNames, postNormBlock } from "./post-norm-block.ts";
import { headSize, layerCount } from "./sizes.ts";

const names: BlockNames = {
  query: "attention.attn.q",
  key: "attention.attn.k",
  value: "attention.attn.v",
  attended: "attention.attn.o",
  attendedNorm: "attention.LayerNorm",
  inner: "intermediate.dense",
  outer: "output.dense",
  outerNorm: "output.LayerNorm",
};

// Not settings of these models.
const padding = 1;
const buckets = 32;
const farthest = 128;

function encode(source: Source): Encoded {
  const { net, weights, config } = source;
  config.expect("relative_attention_num_buckets", buckets);
  const width = config.size("hidden_size");
  const heads = config.size("num_attention_heads");
  headSize(config, width, heads);
  const positions = config.size("max_position_embeddings", 512);
  const activate = activationOf(config.text("hidden_act", "gelu"), "hidden_act");
  const options = {
    names,
    width,
    heads,
    inner: config.size("intermediate_size"),
    epsilon: config.positive("layer_norm_eps", 1e-12),
    activate: (value: string) => activate(net.ops, value),
    bias: net.ops.add(distanceBias(source, heads), maskBias(net, "heads")),
  };
  const vocabulary = config.size("vocab_size");
  const words = wordVectors(source, "embeddings.word_embeddings.weight", [vocabulary, width]);
  const places = weights.rows(
    "embeddings.position_embeddings.weight",
    [positions, width],
    countedPositions(source, padding),
  );
  let x = net.normalize(net.ops.add(words, places), weights.below("embeddings.LayerNorm."), {
    size: width,
    epsilon: options.epsilon,
  });
  const layers = layerCount(config, "num_hidden_layers");
  for (let layer = 0; layer < layers; layer++) {
    x = postNormBlock(net, { x, weights: weights.below(`encoder.layer.${layer}.`) }, options);
  }
  return { tokens: x, width };
}

/** A learned number per head and distance, the same in all layers: `[1, heads, tokens, tokens]`. */
function distanceBias({ net, weights }: Source, heads: number): string {
  const { ops } = net;
  const table = Array.from({ length: 2 * farthest + 1 }, (_, at) => bucketOf(at - farthest));
  // Everything further away is in the last bucket.
  const near = ops.node("Min", [distances(net), ops.integer(farthest)]);
  const places = ops.add(ops.node("Max", [near, ops.integer(-farthest)]), ops.integer(farthest));
  const bucket = ops.gather(ops.graph.constant(int64Tensor(table)), places);
  const name = "encoder.relative_attention_bias.weight";
  const perHead = ops.transpose(weights.rows(name, [buckets, heads], bucket), [2, 0, 1]);
  return ops.unsqueeze(perHead, [0]);
}

/** `distance`: position of the key minus that of the query. Half of the buckets are for keys that come later. The nearest
 *  distances have a bucket each, and the further ones grow with the logarithm. */
function bucketOf(distance: number): number {
  const perSide = buckets / 2;
  const exact = perSide / 2;
  const first = distance > 0 ? perSide : 0;
  const apart = Math.abs(distance);
  if (apart < exact) return first + apart;
  const steps = (Math.log(apart / exact) / Math.log(farthest / exact)) * (perSide - exact);
  return first + Math.min(exact + Math.trunc(steps), perSide - 1);
}

export const mpnet: Family = {
  prefix: "mpnet.",
  landmark: "embeddings.word_embeddings.weight",
  encode,
  textHead: twoLayerClassifier,
  tokenHead: tokenClassifier,
};
