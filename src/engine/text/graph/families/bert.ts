import { activationOf } from "../layers/activations.ts";
import { maskBias } from "../layers/masks.ts";
import { countedPositions, typeVectors, wordVectors } from "./embeddings.ts";
import type { Encoded, Family, Head, Source } from "./family.ts";
import { classify, geluClassifier, tokenClassifier, twoLayerClassifier } from "./heads.ts";
import { type BlockNames, postNormBlock } from "./post-norm-block.ts";
import { headSize, layerCount } from "./sizes.ts";

const names: BlockNames = {
  query: "attention.self.query",
  key: "attention.self.key",
  value: "attention.self.value",
  attended: "attention.output.dense",
  attendedNorm: "attention.output.LayerNorm",
  inner: "intermediate.dense",
  outer: "output.dense",
  outerNorm: "output.LayerNorm",
};

/** What differs between BERT and the models that were made after it. */
interface Variant {
  /** The width of embeddings, where it may differ from that of the layers. */
  readonly embeddingWidth: (source: Source, width: number) => number;
  /** The vectors of the texts' parts. `shape`: of their table. */
  readonly types: (source: Source, name: string, shape: readonly [number, number]) => string;
  /** Numbers of positions, to look up: INT64 `[tokens]` or `[batch, tokens]`. */
  readonly positions: (source: Source) => string;
}

function encode(source: Source, variant: Variant): Encoded {
  const { net, weights, config } = source;
  config.expect("position_embedding_type", "absolute");
  config.expect("is_decoder", false);
  const width = config.size("hidden_size");
  const heads = config.size("num_attention_heads");
  headSize(config, width, heads);
  const options = {
    names,
    width,
    heads,
    inner: config.size("intermediate_size"),
    epsilon: config.positive("layer_norm_eps", 1e-12),
    activate: activation(source),
    bias: maskBias(net, "heads"),
  };
  let x = embed(source, variant, { width, epsilon: options.epsilon });
  const layers = layerCount(config, "num_hidden_layers");
  for (let layer = 0; layer < layers; layer++) {
    x = postNormBlock(net, { x, weights: weights.below(`encoder.layer.${layer}.`) }, options);
  }
  return { tokens: x, width };
}

function activation({ net, config }: Source): (x: string) => string {
  const activate = activationOf(config.text("hidden_act", "gelu"), "hidden_act");
  return (x) => activate(net.ops, x);
}

function embed(
  source: Source,
  variant: Variant,
  { width, epsilon }: { readonly width: number; readonly epsilon: number },
): string {
  const { net, weights, config } = source;
  const { ops } = net;
  const size = variant.embeddingWidth(source, width);
  const rows = {
    words: config.size("vocab_size"),
    types: config.size("type_vocab_size", 2),
    positions: config.size("max_position_embeddings", 512),
  };
  const words = wordVectors(source, "embeddings.word_embeddings.weight", [rows.words, size]);
  const types = variant.types(source, "embeddings.token_type_embeddings.weight", [
    rows.types,
    size,
  ]);
  const places = weights.rows(
    "embeddings.position_embeddings.weight",
    [rows.positions, size],
    variant.positions(source),
  );
  const sum = ops.add(ops.add(words, types), places);
  const norm = weights.below("embeddings.LayerNorm.");
  const embedded = net.normalize(sum, norm, { size, epsilon });
  if (size === width) return embedded;
  return net.linear(embedded, weights.below("embeddings_project."), { from: size, to: width });
}

/** Through the pooler, which belongs to the encoder. */
const pooledClassifier: Head = ({ net, weights, own, tokens, width }) => {
  const first = net.firstToken(tokens);
  const dense = net.linear(first, weights.below("pooler.dense."), { from: width, to: width });
  const x = net.ops.node("Tanh", [dense]);
  return classify(net, { x, weights: own.below("classifier.") }, width);
};

const fromZero: Variant = {
  embeddingWidth: (_, width) => width,
  types: typeVectors,
  positions: ({ net }) => net.positions,
};

const afterPadding: Variant = {
  embeddingWidth: (_, width) => width,
  // Texts have no parts here, though the table may have rows for them.
  types: ({ net, weights }, name, shape) => weights.rows(name, shape, net.ops.integer(0)),
  positions: (source) => countedPositions(source, source.config.count("pad_token_id", 1)),
};

export const bert: Family = {
  prefix: "bert.",
  landmark: "embeddings.word_embeddings.weight",
  encode: (source) => encode(source, fromZero),
  textHead: pooledClassifier,
  tokenHead: tokenClassifier,
};

/** Also XLM-RoBERTa and CamemBERT. */
export const roberta: Family = {
  prefix: "roberta.",
  landmark: "embeddings.word_embeddings.weight",
  encode: (source) => encode(source, afterPadding),
  textHead: twoLayerClassifier,
  tokenHead: tokenClassifier,
};

export const electra: Family = {
  prefix: "electra.",
  landmark: "embeddings.word_embeddings.weight",
  encode: (source) =>
    encode(source, {
      ...fromZero,
      embeddingWidth: ({ config }) => config.size("embedding_size", 128),
    }),
  textHead: geluClassifier,
  tokenHead: tokenClassifier,
};
