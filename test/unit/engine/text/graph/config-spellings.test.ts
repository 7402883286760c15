import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readTextFolder } from "../../../../../src/engine/text/folder/text-folder.ts";
import { buildTextGraph } from "../../../../../src/engine/text/graph/build-text-graph.ts";
import { textFixture } from "../../../../support/text/text-fixtures.ts";

type Config = Readonly<Record<string, unknown>>;

/** The graph of a fixture whose config.json says the same in other words. `gone`: what it does not say. */
function rewordedGraph(name: string, gone: readonly string[], said: Config): Uint8Array {
  const folder = readTextFolder(textFixture(name));
  const kept = Object.entries(folder.config).filter(([key]) => !gone.includes(key));
  return buildTextGraph({ ...folder, config: { ...Object.fromEntries(kept), ...said } }).onnx;
}

describe("config.json of a text model", () => {
  const cases: readonly (readonly [what: string, string, readonly string[], Config])[] = [
    [
      "leave out what is usual of BERT",
      "bert-embedding",
      ["hidden_act", "layer_norm_eps", "type_vocab_size", "is_decoder"],
      { position_embedding_type: "absolute" },
    ],
    [
      "leave out what is usual of RoBERTa",
      "camembert-embedding",
      ["hidden_act", "pad_token_id"],
      { rope_scaling: null },
    ],
    [
      "name the sizes of DistilBERT as those of other models",
      "distilbert-embedding",
      ["dim", "n_heads", "n_layers", "activation"],
      { hidden_size: 32, num_attention_heads: 4, num_hidden_layers: 2 },
    ],
    [
      "have ModernBERT's first keys",
      "modernbert-embedding",
      ["rope_parameters", "layer_types", "hidden_activation", "norm_eps", "norm_bias", "mlp_bias"],
      { global_attn_every_n_layers: 3, global_rope_theta: 160_000, local_rope_theta: 10_000 },
    ],
    [
      "have the keys of nomic's own files",
      "nomic-embedding",
      [
        "hidden_size",
        "num_attention_heads",
        "num_hidden_layers",
        "intermediate_size",
        "layer_norm_eps",
        "hidden_act",
        "rope_parameters",
        "head_dim",
      ],
      {
        n_embd: 32,
        n_head: 4,
        n_layer: 2,
        n_inner: 64,
        layer_norm_epsilon: 1e-12,
        activation_function: "swiglu",
        rotary_emb_base: 1000,
        rotary_emb_fraction: 1.0,
        rotary_emb_interleaved: false,
        rotary_emb_scale_base: null,
        rotary_scaling_factor: null,
        prenorm: false,
        qkv_proj_bias: false,
        mlp_fc1_bias: false,
        mlp_fc2_bias: false,
        use_rms_norm: false,
        causal: false,
        parallel_block: false,
      },
    ],
    [
      "have Qwen3's first keys",
      "qwen3-embedding",
      ["rope_parameters", "layer_types", "use_sliding_window", "attention_bias"],
      { rope_theta: 10_000, rope_scaling: null, sliding_window: null },
    ],
  ];
  for (const [what, name, gone, said] of cases) {
    it(`may ${what}`, () => {
      const usual = buildTextGraph(readTextFolder(textFixture(name))).onnx;
      assert.deepEqual(rewordedGraph(name, gone, said), usual);
    });
  }

  it("changes the graph where it says something else", () => {
    for (const [name, said] of [
      ["bert-embedding", { hidden_act: "relu" }],
      ["bert-embedding", { layer_norm_eps: 1e-5 }],
      ["roberta-embedding", { pad_token_id: 0 }],
      ["modernbert-embedding", { local_attention: 16 }],
      ["modernbert-embedding", { layer_types: Array(3).fill("full_attention") }],
      ["qwen3-embedding", { rope_parameters: { rope_type: "default", rope_theta: 500 } }],
      ["nomic-embedding", { rope_parameters: { rope_type: "default", rope_theta: 500 } }],
    ] as const) {
      const usual = buildTextGraph(readTextFolder(textFixture(name))).onnx;
      assert.notDeepEqual(rewordedGraph(name, [], said), usual, JSON.stringify(said));
    }
  });
});
