import { activationOf } from "../layers/activations.ts";
import { attend, splitHeads } from "../layers/attention.ts";
import type { ConfigReader } from "../layers/config-reader.ts";
import { maskBias, upToQuery } from "../layers/masks.ts";
import { checkRotation, type Rotation, rotate, rotation } from "../layers/rotary.ts";
import { wordVectors } from "./embeddings.ts";
import type { Encoded, Family, Source } from "./family.ts";
import { layerCount } from "./sizes.ts";

interface Sizes {
  readonly width: number;
  readonly heads: number;
  /** Groups of heads, which share keys and values. */
  readonly groups: number;
  /** Numbers in a head. */
  readonly size: number;
  readonly inner: number;
  readonly epsilon: number;
}

interface Shared {
  readonly sizes: Sizes;
  readonly turn: Rotation;
  readonly bias: string;
}

/** A decoder: each token sees those before it, so the last one's vector stands for the text. */
function encode(source: Source): Encoded {
  const { net, weights, config } = source;
  config.expect("use_sliding_window", false);
  config.expect("is_causal", true);
  config.expect("use_bidirectional_attention", false);
  const sizes = sizesOf(config);
  const { width, size, epsilon } = sizes;
  const other = config.texts("layer_types")?.find((type) => type !== "full_attention");
  if (other !== undefined) throw config.wrong("layer_types", other, "full_attention everywhere");
  const table = [config.size("vocab_size"), width] as const;
  let x = wordVectors(source, "embed_tokens.weight", table);
  const shared = {
    sizes,
    turn: rotation(net, thetaOf(config), size),
    bias: maskBias(net, "groups", upToQuery(net)),
  };
  const layers = layerCount(config, "num_hidden_layers");
  const norm = { size: width, epsilon };
  for (let layer = 0; layer < layers; layer++) {
    const block = { ...source, weights: weights.below(`layers.${layer}.`) };
    const seen = net.scaleByRms(x, block.weights.below("input_layernorm."), norm);
    x = net.ops.add(x, attention(block, seen, shared));
    const after = net.scaleByRms(x, block.weights.below("post_attention_layernorm."), norm);
    x = net.ops.add(x, gatedLayers(block, after, sizes));
  }
  return { tokens: net.scaleByRms(x, weights.below("norm."), norm), width };
}

function sizesOf(config: ConfigReader): Sizes {
  const heads = config.size("num_attention_heads");
  const groups = config.size("num_key_value_heads", heads);
  if (heads % groups !== 0) {
    throw config.wrong("num_key_value_heads", groups, `a divisor of the heads, ${heads}`);
  }
  return {
    width: config.size("hidden_size"),
    heads,
    groups,
    size: config.size("head_dim", 128),
    inner: config.size("intermediate_size"),
    epsilon: config.positive("rms_norm_eps", 1e-6),
  };
}

function attention({ net, weights, config }: Source, x: string, shared: Shared): string {
  const { width, heads, groups, size, epsilon } = shared.sizes;
  const hasBias = config.flag("attention_bias", false);
  const layout = { heads, perGroup: heads / groups, size };
  const single = { heads: groups, perGroup: 1, size };
  const linear = (name: string, count: number) =>
    net.linear(x, weights.below(`${name}.`), { from: width, to: count * size, hasBias });
  const norm = { size, epsilon };
  const query = net.scaleByRms(
    splitHeads(net, linear("self_attn.q_proj", heads), layout),
    weights.below("self_attn.q_norm."),
    norm,
  );
  const key = net.scaleByRms(
    splitHeads(net, linear("self_attn.k_proj", groups), single),
    weights.below("self_attn.k_norm."),
    norm,
  );
  const parts = {
    query: rotate(net, query, shared.turn),
    key: rotate(net, key, shared.turn),
    value: splitHeads(net, linear("self_attn.v_proj", groups), single),
  };
  const mixed = attend(net, parts, { layout, bias: shared.bias });
  const shape = { from: heads * size, to: width, hasBias };
  return net.linear(mixed, weights.below("self_attn.o_proj."), shape);
}

function gatedLayers({ net, weights, config }: Source, x: string, { width, inner }: Sizes): string {
  const { ops } = net;
  const activate = activationOf(config.text("hidden_act", "silu"), "hidden_act");
  const wider = { from: width, to: inner, hasBias: false };
  const gate = activate(ops, net.linear(x, weights.below("mlp.gate_proj."), wider));
  const gated = ops.multiply(gate, net.linear(x, weights.below("mlp.up_proj."), wider));
  const narrower = { from: inner, to: width, hasBias: false };
  return net.linear(gated, weights.below("mlp.down_proj."), narrower);
}

function thetaOf(config: ConfigReader): number {
  const scaling = config.inner("rope_scaling");
  if (scaling !== undefined) checkRotation(scaling);
  const parameters = config.inner("rope_parameters");
  if (parameters !== undefined) checkRotation(parameters);
  if (parameters?.has("rope_theta")) return parameters.positive("rope_theta");
  return config.positive("rope_theta", 10_000);
}

export const qwen3: Family = {
  prefix: "model.",
  landmark: "embed_tokens.weight",
  encode,
};
