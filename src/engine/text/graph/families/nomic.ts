import { activationOf } from "../layers/activations.ts";
import { attend, splitHeads } from "../layers/attention.ts";
import type { ConfigReader } from "../layers/config-reader.ts";
import { maskBias } from "../layers/masks.ts";
import { checkRotation, type Rotation, rotate, rotation } from "../layers/rotary.ts";
import { typeVectors, wordVectors } from "./embeddings.ts";
import type { Encoded, Family, Source } from "./family.ts";
import { headSize, layerCount } from "./sizes.ts";

interface Sizes {
  readonly width: number;
  readonly heads: number;
  readonly inner: number;
  readonly epsilon: number;
}

/** What config.json may say that would change how the model computes, and what it must say if it does. The first files of
 *  these models have other names for the sizes than transformers has now. */
const served: readonly (readonly [key: string, ...values: readonly unknown[]])[] = [
  ["prenorm", false],
  ["use_rms_norm", false],
  ["causal", false],
  ["parallel_block", false],
  ["qkv_proj_bias", false],
  ["mlp_fc1_bias", false],
  ["mlp_fc2_bias", false],
  ["rotary_emb_fraction", 1],
  ["rotary_emb_interleaved", false],
  ["rotary_emb_scale_base"],
  ["rotary_scaling_factor"],
  ["num_experts", 0, 1],
  ["moe_every_n_layers", 0],
  ["scale_attn_weights", true],
  ["scale_attn_by_inverse_layer_idx", false],
];

function encode(source: Source): Encoded {
  const { net, weights, config } = source;
  for (const [key, ...values] of served) config.expect(key, ...values);
  const sizes = {
    width: config.size(["hidden_size", "n_embd"]),
    heads: config.size(["num_attention_heads", "n_head"]),
    inner: config.size(["intermediate_size", "n_inner"]),
    epsilon: config.positive(["layer_norm_eps", "layer_norm_epsilon"], 1e-12),
  };
  const { width, heads, epsilon } = sizes;
  const size = headSize(config, width, heads);
  config.expect("head_dim", size);
  const words = wordVectors(source, "embeddings.word_embeddings.weight", [
    config.size("vocab_size"),
    width,
  ]);
  const types = typeVectors(source, "embeddings.token_type_embeddings.weight", [
    config.size("type_vocab_size", 2),
    width,
  ]);
  const norm = { size: width, epsilon };
  let x = net.normalize(net.ops.add(words, types), weights.below("emb_ln."), norm);
  const shared = {
    sizes,
    turn: rotation(net, thetaOf(config), size),
    bias: maskBias(net, "heads"),
    activate: activationOf(activationName(config), "activation_function"),
  };
  const layers = layerCount(config, ["num_hidden_layers", "n_layer"]);
  for (let layer = 0; layer < layers; layer++) {
    x = block({ ...source, weights: weights.below(`encoder.layers.${layer}.`) }, x, shared);
  }
  return { tokens: x, width };
}

function block(
  { net, weights }: Source,
  x: string,
  shared: {
    readonly sizes: Sizes;
    readonly turn: Rotation;
    readonly bias: string;
    readonly activate: ReturnType<typeof activationOf>;
  },
): string {
  const { ops } = net;
  const { width, heads, inner, epsilon } = shared.sizes;
  const layout = { heads, size: width / heads };
  const linear = (input: string, name: string, shape: readonly [from: number, to: number]) => {
    const [from, to] = shape;
    return net.linear(input, weights.below(`${name}.`), { from, to, hasBias: false });
  };
  const [query = "", key = "", value = ""] = ops
    .split(linear(x, "attn.Wqkv", [width, 3 * width]), 3)
    .map((part) => splitHeads(net, part, layout));
  const parts = {
    query: rotate(net, query, shared.turn),
    key: rotate(net, key, shared.turn),
    value,
  };
  const mixed = attend(net, parts, { layout, bias: shared.bias });
  const norm = { size: width, epsilon };
  const attended = net.normalize(
    ops.add(x, linear(mixed, "attn.out_proj", [width, width])),
    weights.below("norm1."),
    norm,
  );
  const gate = shared.activate(ops, linear(attended, "mlp.fc12", [width, inner]));
  const gated = ops.multiply(linear(attended, "mlp.fc11", [width, inner]), gate);
  const narrow = linear(gated, "mlp.fc2", [inner, width]);
  return net.normalize(ops.add(attended, narrow), weights.below("norm2."), norm);
}

/** "swiglu" names the pair of layers, of which one goes through SiLU. */
function activationName(config: ConfigReader): string {
  const name = config.text(["hidden_act", "activation_function"], "silu");
  return name === "swiglu" ? "silu" : name;
}

function thetaOf(config: ConfigReader): number {
  const parameters = config.inner("rope_parameters");
  if (parameters !== undefined) checkRotation(parameters);
  const scaling = config.inner("rope_scaling");
  if (scaling !== undefined) checkRotation(scaling);
  if (parameters?.has("rope_theta")) return parameters.positive("rope_theta");
  return config.positive(["rotary_emb_base", "rope_theta"], 1000);
}

export const nomic: Family = {
  prefix: "nomic_bert.",
  landmark: "embeddings.word_embeddings.weight",
  encode,
};
