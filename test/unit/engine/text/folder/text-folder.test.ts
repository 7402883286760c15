import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { readTextFolder } from "../../../../../src/engine/text/folder/text-folder.ts";
import { type FolderTree, miniLm, without } from "../../../../support/text/folder-tree.ts";
import { textTrees } from "../../../../support/text/text-trees.ts";

const { make, read, refuses } = textTrees();

describe("a folder of sentence-transformers", () => {
  it("is read with all that follows the encoder", async () => {
    const folder = await make(miniLm);
    const read = readTextFolder(folder);
    assert.deepEqual(read.facts, {
      task: "embedding",
      architecture: "BertModel",
      dimensions: 384,
      labels: [],
      activation: "identity",
      maxTokens: 256,
      isNormalised: true,
      prompts: {},
      defaultPrompt: undefined,
      pooling: "mean",
    });
    assert.equal(read.family, "bert");
    assert.deepEqual(read.modules, [
      { type: "pooling", modes: ["mean"], includePrompt: true },
      { type: "normalize" },
    ]);
    assert.deepEqual(read.weights, {
      kind: "safetensors",
      files: [join(folder, "model.safetensors")],
    });
    assert.deepEqual(read.tokenizer, {
      tokenizer: join(folder, "tokenizer.json"),
      config: join(folder, "tokenizer_config.json"),
      maxTokens: 256,
      truncateSide: "right",
    });
    assert.equal(read.config["max_position_embeddings"], 512);
    assert.equal(read.doLowerCase, false);
    assert.deepEqual(
      [...read.files].sort(),
      Object.keys(miniLm)
        .map((name) => join(folder, name))
        .sort(),
    );
  });

  it("is read in the spelling of version 6", async () => {
    const { facts, modules } = await read({
      ...miniLm,
      "modules.json": [
        { path: "", type: "sentence_transformers.base.modules.transformer.Transformer" },
        {
          path: "1_Pooling",
          type: "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
        },
        { path: "2_Normalize", type: "sentence_transformers.base.modules.normalize.Normalize" },
      ],
      "1_Pooling/config.json": {
        embedding_dimension: 384,
        pooling_mode: ["lasttoken", "mean_sqrt_len_tokens"],
        include_prompt: false,
      },
    });
    assert.deepEqual(modules[0], {
      type: "pooling",
      modes: ["lasttoken", "mean_sqrt_len"],
      includePrompt: false,
    });
    assert.equal(facts.pooling, "lasttoken+mean_sqrt_len");
    assert.equal(facts.dimensions, 768);
  });

  it("joins several poolings of the old spelling in the library's order", async () => {
    const { facts } = await read({
      ...miniLm,
      "1_Pooling/config.json": {
        pooling_mode_lasttoken: true,
        pooling_mode_mean_tokens: true,
        pooling_mode_max_tokens: true,
        pooling_mode_cls_token: true,
      },
    });
    assert.equal(facts.pooling, "cls+max+mean+lasttoken");
  });

  it("pools by the mean where the pooling names nothing", async () => {
    const { facts } = await read({ ...miniLm, "1_Pooling/config.json": {} });
    assert.equal(facts.pooling, "mean");
  });

  const dense: FolderTree = {
    ...miniLm,
    "modules.json": [
      { path: "", type: "sentence_transformers.models.Transformer" },
      { path: "1_Pooling", type: "sentence_transformers.models.Pooling" },
      { path: "2_Dense", type: "sentence_transformers.models.Dense" },
    ],
    "2_Dense/config.json": {
      in_features: 384,
      out_features: 128,
      bias: true,
      activation_function: "torch.nn.modules.activation.Tanh",
    },
    "2_Dense/model.safetensors": "",
  };

  it("may have a Dense module", async () => {
    const { facts, modules, files } = await read(dense);
    const layer = modules[1];
    assert(layer?.type === "dense");
    assert.equal(layer.activation, "tanh");
    assert.equal(layer.bias, true);
    assert.equal(facts.dimensions, 128);
    assert.equal(facts.isNormalised, false);
    assert(files.includes(layer.weights));
  });

  it("is refused for a Dense module that does not fit, is old, or computes something unknown", async () => {
    const config = { in_features: 384, out_features: 128 };
    await refuses(
      { ...dense, "2_Dense/config.json": { ...config, in_features: 100 } },
      /takes 100 numbers, but 384 come before it/,
    );
    await refuses(
      without(dense, "2_Dense/model.safetensors"),
      /has no 2_Dense\/model\.safetensors: .*SentenceTransformer\(FOLDER\)\.save/,
    );
    await refuses(
      {
        ...dense,
        "2_Dense/config.json": {
          ...config,
          activation_function: "torch.nn.modules.activation.GELU",
        },
      },
      /'activation_function' is 'torch.nn.modules.activation.GELU'.*known are Tanh and Identity/,
    );
    await refuses(
      { ...dense, "2_Dense/config.json": { ...config, use_residual: true } },
      /'use_residual' is true, which is not known/,
    );
    await refuses(
      { ...dense, "2_Dense/config.json": { ...config, module_input_name: "token_embeddings" } },
      /'module_input_name' is 'token_embeddings', expected 'sentence_embedding'/,
    );
  });

  it("may have its encoder in a folder of its own", async () => {
    const old = Object.fromEntries(
      Object.entries(miniLm).map(([name, content]) => {
        const isOfEncoder =
          /^(?:config|tokenizer\w*|sentence_bert_config)\.json$|safetensors$/.test(name);
        return [isOfEncoder ? `0_Transformer/${name}` : name, content];
      }),
    );
    const folder = await make({
      ...old,
      "modules.json": [
        { path: "0_Transformer", type: "sentence_transformers.models.Transformer" },
        { path: "1_Pooling", type: "sentence_transformers.models.Pooling" },
      ],
    });
    const { facts, tokenizer } = readTextFolder(folder);
    assert.equal(facts.maxTokens, 256);
    assert.equal(tokenizer.tokenizer, join(folder, "0_Transformer", "tokenizer.json"));
  });

  it("has its prompts, and the name of the usual one", async () => {
    const prompts = { query: "query: ", document: "", unused: null };
    const { facts } = await read({
      ...miniLm,
      "config_sentence_transformers.json": { prompts, default_prompt_name: "query" },
    });
    assert.deepEqual(facts.prompts, { query: "query: ", document: "" });
    assert.equal(facts.defaultPrompt, "query");
  });

  it("is refused for an unknown default prompt", () =>
    refuses(
      {
        ...miniLm,
        "config_sentence_transformers.json": { prompts: { a: "b" }, default_prompt_name: "q" },
      },
      /'default_prompt_name' is 'q', which is not one of the prompts \("a"\)/,
    ));

  const modules: readonly [what: string, modules: unknown[], message: RegExp][] = [
    [
      "of another kind",
      [
        { path: "", type: "sentence_transformers.models.Transformer" },
        { path: "1", type: "sentence_transformers.models.WeightedLayerPooling" },
      ],
      /module 1 is of type 'sentence_transformers.models.WeightedLayerPooling'.*known are Transformer, Pooling/,
    ],
    [
      "that is the model's own code",
      [{ path: "", type: "custom_st.Transformer" }],
      /module 0 is of type 'custom_st.Transformer', which is not known/,
    ],
    ["without an encoder", [], /expected a list of 1 to 32 modules/],
    [
      "that do not begin with the encoder",
      [{ path: "1_Pooling", type: "sentence_transformers.models.Pooling" }],
      /the first module is not a Transformer/,
    ],
    [
      "without pooling",
      [
        { path: "", type: "sentence_transformers.models.Transformer" },
        { path: "2_Normalize", type: "sentence_transformers.models.Normalize" },
      ],
      /not followed by a Pooling module/,
    ],
    [
      "outside the folder",
      [{ path: "../other", type: "sentence_transformers.models.Transformer" }],
      /names the file '\.\.\/other\/config.json', expected one inside the folder/,
    ],
    ["that are not objects", ["Transformer"], /module 0 is "Transformer"/],
  ];
  for (const [what, list, message] of modules) {
    it(`is refused for modules ${what}`, () =>
      refuses({ ...miniLm, "modules.json": list }, message));
  }
});
