import { activationOf } from "../layers/activations.ts";
import { attend, splitHeads } from "../layers/attention.ts";
import type { ConfigReader } from "../layers/config-reader.ts";
import { maskBias, within } from "../layers/masks.ts";
import type { Weights } from "../layers/model-weights.ts";
import { pool } from "../layers/pooling.ts";
import { checkRotation, type Rotation, rotate, rotation } from "../layers/rotary.ts";
import { wordVectors } from "./embeddings.ts";
import type { Encoded, Family, Head, HeadSource, Source } from "./family.ts";
import { classify } from "./heads.ts";
import { headSize, layerCount } from "./sizes.ts";

/** How tokens see each other in a layer: all of them, or those nearby. */
type Reach = "full_attention" | "sliding_attention";

/** What all layers of one reach share. */
interface View {
  readonly turn: Rotation;
  readonly bias: string;
}

interface Sizes {
  readonly width: number;
  readonly heads: number;
  readonly inner: number;
}

function encode(source: Source): Encoded {
  const { net, weights, config } = source;
  const width = config.size("hidden_size");
  const heads = config.size("num_attention_heads");
  const sizes = { width, heads, inner: config.size("intermediate_size") };
  const views = viewsOf(source, headSize(config, width, heads));
  const table = [config.size("vocab_size"), width] as const;
  const words = wordVectors(source, "embeddings.tok_embeddings.weight", table);
  let x = normalize(source, words, weights.below("embeddings.norm."));
  for (const [layer, reach] of reaches(config).entries()) {
    const block = { ...source, weights: weights.below(`layers.${layer}.`) };
    // The embeddings have just been normalised.
    const seen = layer === 0 ? x : normalize(block, x, block.weights.below("attn_norm."));
    x = net.ops.add(x, attention(block, seen, { sizes, view: views(reach) }));
    x = net.ops.add(x, gatedLayers(block, x, sizes));
  }
  return { tokens: normalize(source, x, weights.below("final_norm.")), width };
}

function attention(
  { net, weights, config }: Source,
  x: string,
  { sizes: { width, heads }, view }: { readonly sizes: Sizes; readonly view: View },
): string {
  const layout = { heads, size: width / heads };
  const hasBias = config.flag("attention_bias", false);
  const joint = net.linear(x, weights.below("attn.Wqkv."), {
    from: width,
    to: 3 * width,
    hasBias,
  });
  const [query = "", key = "", value = ""] = net.ops
    .split(joint, 3)
    .map((part) => splitHeads(net, part, layout));
  const turned = {
    query: rotate(net, query, view.turn),
    key: rotate(net, key, view.turn),
    value,
  };
  const mixed = attend(net, turned, { layout, bias: view.bias });
  return net.linear(mixed, weights.below("attn.Wo."), { from: width, to: width, hasBias });
}

function gatedLayers(source: Source, x: string, { width, inner }: Sizes): string {
  const { net, weights, config } = source;
  const hasBias = config.flag("mlp_bias", false);
  const activate = activationOf(config.text("hidden_activation", "gelu"), "hidden_activation");
  const normal = normalize(source, x, weights.below("mlp_norm."));
  const both = net.linear(normal, weights.below("mlp.Wi."), {
    from: width,
    to: 2 * inner,
    hasBias,
  });
  const [first = "", gate = ""] = net.ops.split(both, 2);
  const gated = net.ops.multiply(activate(net.ops, first), gate);
  return net.linear(gated, weights.below("mlp.Wo."), { from: inner, to: width, hasBias });
}

function normalize({ net, config }: Source, x: string, weights: Weights): string {
  return net.normalize(x, weights, {
    size: config.size("hidden_size"),
    epsilon: config.positive("norm_eps", 1e-5),
    hasBias: config.flag("norm_bias", false),
  });
}

/** Of each layer. */
function reaches(config: ConfigReader): readonly Reach[] {
  const layers = layerCount(config, "num_hidden_layers");
  const types = config.texts("layer_types");
  if (types === undefined) {
    const every = config.size("global_attn_every_n_layers", 3);
    return Array.from({ length: layers }, (_, layer) =>
      layer % every === 0 ? "full_attention" : "sliding_attention",
    );
  }
  const isKnown = (type: string): type is Reach =>
    type === "full_attention" || type === "sliding_attention";
  if (types.length === layers && types.every(isKnown)) return types;
  throw config.wrong("layer_types", types, `${layers} of full_attention and sliding_attention`);
}

/** Makes what layers of a reach share when the first of them needs it. */
function viewsOf(source: Source, size: number): (reach: Reach) => View {
  const { net, config } = source;
  const made = new Map<Reach, View>();
  return (reach) => {
    const known = made.get(reach);
    if (known !== undefined) return known;
    const window = Math.floor(config.size("local_attention", 128) / 2);
    const near = reach === "full_attention" ? undefined : within(net, window);
    const view = {
      turn: rotation(net, thetaOf(config, reach), size),
      bias: maskBias(net, "heads", near),
    };
    made.set(reach, view);
    return view;
  };
}

function thetaOf(config: ConfigReader, reach: Reach): number {
  for (const key of ["rope_scaling", "rope_parameters"]) {
    const parameters = config.inner(key);
    if (parameters !== undefined) checkRotation(parameters);
  }
  const own = config.inner("rope_parameters")?.inner(reach);
  if (own !== undefined) checkRotation(own);
  if (own?.has("rope_theta")) return own.positive("rope_theta");
  return reach === "full_attention"
    ? config.positive("global_rope_theta", 160_000)
    : config.positive("local_rope_theta", 10_000);
}

/** What both kinds of classifiers begin with. */
function headLayers(source: HeadSource, x: string): string {
  const { net, own, config, width } = source;
  const hasBias = config.flag("classifier_bias", false);
  const name = config.text("classifier_activation", "gelu");
  const activate = activationOf(name, "classifier_activation");
  const dense = net.linear(x, own.below("head.dense."), { from: width, to: width, hasBias });
  return normalize(source, activate(net.ops, dense), own.below("head.norm."));
}

const textHead: Head = (source) => {
  const { net, own, config, tokens, width } = source;
  const pooling = config.text("classifier_pooling", "cls");
  if (pooling !== "cls" && pooling !== "mean") {
    throw config.wrong("classifier_pooling", pooling, "cls or mean");
  }
  const pooled =
    pooling === "cls"
      ? net.firstToken(tokens)
      : pool(net.ops, "mean", { tokens, mask: net.input("attention_mask") });
  const x = headLayers(source, pooled);
  return classify(net, { x, weights: own.below("classifier.") }, width);
};

const tokenHead: Head = (source) => {
  const { net, own, tokens, width } = source;
  const x = headLayers(source, tokens);
  return classify(net, { x, weights: own.below("classifier.") }, width);
};

export const modernbert: Family = {
  prefix: "model.",
  landmark: "embeddings.tok_embeddings.weight",
  encode,
  textHead,
  tokenHead,
};
