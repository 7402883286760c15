import assert from "node:assert/strict";
import { mkdir, mkdtemp, realpath, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { RuntimeError } from "../../../../../src/base/errors.ts";
import {
  readTextFolder,
  type TextFolderOptions,
} from "../../../../../src/engine/text/folder/text-folder.ts";
import {
  type FolderTree,
  huggingFace,
  makeFolder,
  miniLm,
} from "../../../../support/text/folder-tree.ts";

let root = "";
before(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "modelport-text-folders-")));
});
after(() => rm(root, { recursive: true, force: true }));

const make = (tree: FolderTree) => makeFolder(tree, root);

async function read(tree: FolderTree, options?: TextFolderOptions) {
  return readTextFolder(await make(tree), options);
}

async function refuses(tree: FolderTree, message: RegExp, options?: TextFolderOptions) {
  const folder = await make(tree);
  assert.throws(
    () => readTextFolder(folder, options),
    (error) => {
      assert(error instanceof RuntimeError);
      assert.equal(error.kind, "invalid-argument");
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    },
  );
}

/** The tree without some of its files. */
function without(tree: FolderTree, ...names: readonly string[]): FolderTree {
  return Object.fromEntries(Object.entries(tree).filter(([name]) => !names.includes(name)));
}

const sequence = (config: Readonly<Record<string, unknown>> = {}) =>
  huggingFace({ architectures: ["BertForSequenceClassification"], model_type: "bert", ...config });

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
    assert.deepEqual([...read.files].sort(), Object.keys(miniLm).map((name) => join(folder, name)).sort());
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
        "2_Dense/config.json": { ...config, activation_function: "torch.nn.modules.activation.GELU" },
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
        const isOfEncoder = /^(?:config|tokenizer\w*|sentence_bert_config)\.json$|safetensors$/.test(name);
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
    [
      "that are not objects",
      ["Transformer"],
      /module 0 is "Transformer"/,
    ],
  ];
  for (const [what, list, message] of modules) {
    it(`is refused for modules ${what}`, () => refuses({ ...miniLm, "modules.json": list }, message));
  }
});

describe("the longest text of a model", () => {
  const config = { architectures: ["BertModel"], model_type: "bert" };
  const roberta = { architectures: ["RobertaModel"], model_type: "roberta" };
  const rows: readonly [what: string, tree: FolderTree, tokens: number][] = [
    ["is what stands beside the encoder", miniLm, 256],
    [
      "is what the tokenizer has, if that says nothing",
      { ...miniLm, "sentence_bert_config.json": { max_seq_length: null } },
      512,
    ],
    [
      "may be longer than the tokenizer has",
      { ...miniLm, "tokenizer_config.json": { model_max_length: 128 } },
      256,
    ],
    [
      "is never beyond the positions of the model",
      { ...miniLm, "sentence_bert_config.json": { max_seq_length: 1000 } },
      512,
    ],
    [
      "is what the model has positions for, if the tokenizer has no limit",
      { ...huggingFace(config), "tokenizer_config.json": { model_max_length: 1e30 } },
      64,
    ],
    ["is what the model has positions for, if nothing else is known", huggingFace(config), 64],
    [
      "is less by those that RoBERTa skips",
      huggingFace({ ...roberta, max_position_embeddings: 514, pad_token_id: 1 }),
      512,
    ],
    ["is less by those that MPNet skips", huggingFace({ model_type: "mpnet" }), 62],
    [
      "is that of the family, if config.json does not say",
      huggingFace({ model_type: "modernbert", max_position_embeddings: null }),
      8192,
    ],
    [
      "is what the first configuration of Nomic calls it",
      huggingFace({
        architectures: ["NomicBertModel"],
        model_type: "nomic_bert",
        max_position_embeddings: null,
        hidden_size: null,
        n_embd: 48,
        n_positions: 100,
      }),
      100,
    ],
  ];
  for (const [what, tree, tokens] of rows) {
    it(what, async () => assert.equal((await read(tree)).facts.maxTokens, tokens));
  }

  it("is refused if it is not a number", () =>
    refuses(
      { ...miniLm, "sentence_bert_config.json": { max_seq_length: "256" } },
      /'max_seq_length' is "256", expected a number of 1 or more/,
    ));

  it("is refused if no position is left", () =>
    refuses(
      huggingFace({ ...roberta, max_position_embeddings: 2 }),
      /'max_position_embeddings' is 2: too few/,
    ));
});

describe("a tokenizer's settings", () => {
  it("say on which side a text is cut, and sentence-transformers' whether it is put into lower case", async () => {
    const { tokenizer, doLowerCase } = await read({
      ...miniLm,
      "tokenizer_config.json": { truncation_side: "left" },
      "sentence_bert_config.json": { do_lower_case: true },
    });
    assert.equal(tokenizer.truncateSide, "left");
    assert.equal(doLowerCase, true);
  });

  it("may be missing", async () => {
    const { tokenizer } = await read(without(miniLm, "tokenizer_config.json"));
    assert.equal(tokenizer.config, undefined);
    assert.equal(tokenizer.truncateSide, "right");
  });

  it("are refused where a side is none", () =>
    refuses(
      { ...miniLm, "tokenizer_config.json": { truncation_side: "both" } },
      /'truncation_side' is "both", expected "left" or "right"/,
    ));
});

describe("the task of a model", () => {
  const rows: readonly [what: string, tree: FolderTree, task: string, labels: string[]][] = [
    ["is embedding for an encoder", huggingFace({ model_type: "bert" }), "embedding", []],
    [
      "is embedding where pooling follows, whatever class is named",
      {
        ...miniLm,
        "config.json": {
          architectures: ["MPNetForMaskedLM"],
          model_type: "mpnet",
          hidden_size: 768,
        },
      },
      "embedding",
      [],
    ],
    [
      "is rerank for a sequence head of one label",
      sequence({ id2label: { "0": "LABEL_0" } }),
      "rerank",
      ["LABEL_0"],
    ],
    [
      "is classification for a sequence head of several labels, in their order",
      sequence({ id2label: { "2": "joy", "0": "anger", "1": "fear" } }),
      "classification",
      ["anger", "fear", "joy"],
    ],
    ["has two labels where none are named", sequence(), "classification", ["LABEL_0", "LABEL_1"]],
    ["is rerank by num_labels alone", sequence({ num_labels: 1 }), "rerank", ["LABEL_0"]],
    [
      "is that of the head, if modules.json has the encoder alone",
      {
        ...sequence({ num_labels: 1 }),
        "modules.json": [
          { path: "", type: "sentence_transformers.base.modules.transformer.Transformer" },
        ],
      },
      "rerank",
      ["LABEL_0"],
    ],
    [
      "is token classification for a token head",
      huggingFace({
        architectures: ["DistilBertForTokenClassification"],
        model_type: "distilbert",
        id2label: { "0": "O", "1": "B-PER" },
      }),
      "token-classification",
      ["O", "B-PER"],
    ],
  ];
  for (const [what, tree, task, labels] of rows) {
    it(what, async () => {
      const { facts, modules } = await read(tree);
      assert.equal(facts.task, task);
      assert.deepEqual(facts.labels, labels);
      assert.equal(modules.length > 0, task === "embedding");
      assert.equal(facts.dimensions !== undefined, task === "embedding");
    });
  }

  it("may be chosen, if the model can do it", async () => {
    const oneLabel = sequence({ num_labels: 1 });
    assert.equal((await read(oneLabel, { task: "classification" })).facts.task, "classification");
    const { facts, modules } = await read(sequence(), { task: "embedding" });
    assert.equal(facts.task, "embedding");
    assert.deepEqual(facts.labels, []);
    assert.equal(facts.dimensions, 32);
    assert.equal(modules[0]?.type, "pooling");
  });

  it("is refused with what the model does", async () => {
    await refuses(miniLm, /the task 'rerank' is asked for, but BertModel does embedding/, {
      task: "rerank",
    });
    await refuses(
      sequence({ num_labels: 3 }),
      /BertForSequenceClassification with 3 labels does classification: .* set classification or embedding/,
      { task: "rerank" },
    );
  });

  it("is refused for a class that fills masks or writes texts", async () => {
    await refuses(
      huggingFace({ architectures: ["BertForMaskedLM"], model_type: "bert" }),
      /BertForMaskedLM is not an encoder/,
    );
    await refuses(
      huggingFace({ architectures: ["Qwen3ForCausalLM"], model_type: "qwen3" }),
      /Qwen3ForCausalLM is not an encoder.*known are Bert, Roberta/,
    );
  });

  it("is refused for labels with gaps", () =>
    refuses(
      sequence({ id2label: { "0": "a", "2": "b" } }),
      /'id2label' has no text for 1, expected one for each of 0 to 1/,
    ));
});

describe("the activation of scores", () => {
  const sigmoid = "torch.nn.modules.activation.Sigmoid";
  const identity = "torch.nn.modules.linear.Identity";
  const rows: readonly [what: string, config: Readonly<Record<string, unknown>>, activation: string][] = [
    ["is sigmoid for a reranker", { num_labels: 1 }, "sigmoid"],
    [
      "is what sentence-transformers named",
      {
        num_labels: 1,
        sentence_transformers: { activation_fn: identity },
        sbert_ce_default_activation_function: sigmoid,
      },
      "identity",
    ],
    [
      "is what old versions of it named",
      { num_labels: 1, sbert_ce_default_activation_function: identity },
      "identity",
    ],
    ["is softmax for several labels", { num_labels: 3 }, "softmax"],
    [
      "is softmax for several labels, whatever a cross-encoder names",
      { num_labels: 3, sentence_transformers: { activation_fn: identity } },
      "softmax",
    ],
    [
      "is sigmoid where several labels may hold at once",
      { num_labels: 3, problem_type: "multi_label_classification" },
      "sigmoid",
    ],
    ["is none for a regression", { num_labels: 3, problem_type: "regression" }, "identity"],
  ];
  for (const [what, config, activation] of rows) {
    it(what, async () => assert.equal((await read(sequence(config))).facts.activation, activation));
  }

  it("is refused if it is not known", () =>
    refuses(
      sequence({ num_labels: 1, sentence_transformers: { activation_fn: "my.Sigmoid" } }),
      /the activation of scores is 'my.Sigmoid', which is not known; known are Sigmoid/,
    ));
});

describe("the architecture of a model", () => {
  it("is refused with the ones that are known", () =>
    refuses(
      huggingFace({ architectures: ["DebertaV2Model"], model_type: "deberta-v2" }),
      /architecture DebertaV2Model is not known; known are Bert, .*Qwen3Model; .*optimum-cli export onnx/,
    ));

  it("is refused for heads that are not known", () =>
    refuses(
      huggingFace({ architectures: ["ElectraForSequenceClassification"], model_type: "electra" }),
      /ElectraForSequenceClassification is not known/,
    ));

  it("may be any where an ONNX file has the graph", async () => {
    const folder = await make({
      ...huggingFace({
        architectures: ["DebertaV2ForSequenceClassification"],
        model_type: "deberta-v2",
        num_labels: 1,
      }),
      "onnx/model.onnx": "",
      "onnx/model.onnx_data": "",
    });
    const { facts, family, weights, files } = readTextFolder(folder);
    assert.equal(facts.task, "rerank");
    assert.equal(family, "deberta-v2");
    const data = join(folder, "onnx", "model.onnx_data");
    assert.deepEqual(weights, {
      kind: "onnx",
      file: join(folder, "onnx", "model.onnx"),
      data: { "model.onnx_data": data },
    });
    assert(files.includes(data));
  });

  it("may come with code of its own if it is known", async () => {
    const { facts } = await read(
      huggingFace({
        architectures: ["NomicBertModel"],
        model_type: "nomic_bert",
        auto_map: { AutoModel: "modeling_hf_nomic_bert.NomicBertModel" },
      }),
    );
    assert.equal(facts.architecture, "NomicBertModel");
  });

  it("is refused if its code alone knows it, though it calls itself a BERT", () =>
    refuses(
      huggingFace({
        architectures: ["JinaBertModel"],
        model_type: "bert",
        auto_map: { AutoModel: "modeling_bert.JinaBertModel" },
      }),
      /JinaBertModel is not known/,
    ));

  it("is refused if config.json contradicts itself", () =>
    refuses(
      huggingFace({ architectures: ["BertModel"], model_type: "roberta" }),
      /'architectures' names BertModel, but 'model_type' is 'roberta', expected 'bert'/,
    ));

  it("is refused if config.json names none", () =>
    refuses(huggingFace({}), /neither 'architectures' nor a known 'model_type'/));
});

describe("the weights of a model", () => {
  const index = (map: Readonly<Record<string, unknown>>) => ({
    ...without(miniLm, "model.safetensors"),
    "model.safetensors.index.json": { weight_map: map },
    "model-1.safetensors": "",
    "model-2.safetensors": "",
  });

  it("may be in several files", async () => {
    const folder = await make(
      index({ a: "model-2.safetensors", b: "model-1.safetensors", c: "model-2.safetensors" }),
    );
    assert.deepEqual(readTextFolder(folder).weights, {
      kind: "safetensors",
      files: [join(folder, "model-1.safetensors"), join(folder, "model-2.safetensors")],
    });
  });

  it("are refused with the missing part", () =>
    refuses(
      index({ a: "model-1.safetensors", b: "model-3.safetensors" }),
      /has no model-3.safetensors: model.safetensors.index.json names it/,
    ));

  it("are refused where the index leads out of the folder, or to nothing", async () => {
    await refuses(index({ a: "../a.safetensors" }), /names the file '\.\.\/a.safetensors'/);
    await refuses(index({}), /'weight_map' names 0 files/);
    await refuses(index({ a: 1 }), /'a' is 1, expected a string/);
  });

  it("are safetensors if there are both", async () => {
    const { weights } = await read({ ...miniLm, "onnx/model.onnx": "" });
    assert.equal(weights.kind, "safetensors");
  });

  it("are the ONNX file that was asked for", async () => {
    const folder = await make({ ...miniLm, "onnx/model_int8.onnx": "" });
    assert.deepEqual(readTextFolder(folder, { onnxFile: "onnx/model_int8.onnx" }).weights, {
      kind: "onnx",
      file: join(folder, "onnx", "model_int8.onnx"),
      data: {},
    });
    await refuses(miniLm, /has no onnx\/other.onnx: it was asked for/, {
      onnxFile: "onnx/other.onnx",
    });
    await refuses(miniLm, /names the file '\.\.\/x.onnx', expected one inside the folder/, {
      onnxFile: "../x.onnx",
    });
  });

  it("are the model's ONNX file if there is nothing else", async () => {
    const { weights } = await read({
      ...without(miniLm, "model.safetensors"),
      "model.onnx": "",
    });
    assert.equal(weights.kind, "onnx");
  });

  it("are refused if they have to be converted, with the command", async () => {
    const bare = without(sequence(), "model.safetensors");
    await refuses(
      { ...bare, "pytorch_model.bin": "" },
      /has no model.safetensors: it has only pytorch_model.bin; .*import AutoModelForSequenceClassification as M; M.from_pretrained\('\.'\)\.save_pretrained\('\.'\)"/,
    );
    await refuses(
      { ...bare, "onnx/model_quantized.onnx": "" },
      /it has onnx\/model_quantized.onnx, which is not of full precision; name it in modelport.json/,
    );
    await refuses(bare, /has no model.safetensors: copy the weights/);
  });
});

describe("a folder that is not quite a text model", () => {
  it("is refused with what is missing", async () => {
    await refuses({ "readme.md": "x" }, /has no config.json: a text model is a folder of Hugging Face/);
    await refuses({ "adapter_config.json": {} }, /has no config.json: it is an adapter/);
    await refuses(without(miniLm, "config.json"), /has no config.json: it names the architecture/);
    await refuses(without(miniLm, "1_Pooling/config.json"), /has no 1_Pooling\/config.json/);
    await refuses(
      { ...without(miniLm, "tokenizer.json"), "vocab.txt": "" },
      /has no tokenizer.json: it has only vocab.txt; convert it .*AutoTokenizer/,
    );
  });

  it("is refused for JSON that is none, is no object, is nested too deeply or is too large", async () => {
    await refuses({ ...miniLm, "config.json": "{" }, /config.json is not valid JSON/);
    await refuses({ ...miniLm, "config.json": [] }, /config.json is a list, expected a JSON object/);
    await refuses(
      { ...miniLm, "config.json": `${"[".repeat(100_000)}${"]".repeat(100_000)}` },
      /nested more than 64 levels deep/,
    );
    const folder = await make(miniLm);
    await truncate(join(folder, "config.json"), 9 * 1024 * 1024);
    assert.throws(() => readTextFolder(folder), /has 9437184 bytes, expected at most 8388608/);
  });

  it("takes brackets in strings for what they are, and a byte order mark", async () => {
    const config = { ...(miniLm["config.json"] as object), _name_or_path: `"${"[{".repeat(100)}\\"` };
    const { facts } = await read({ ...miniLm, "config.json": `\ufeff${JSON.stringify(config)}` });
    assert.equal(facts.dimensions, 384);
  });

  it("is refused for a folder in place of a file", async () => {
    const folder = await make(without(miniLm, "model.safetensors"));
    await mkdir(join(folder, "model.safetensors"));
    assert.throws(() => readTextFolder(folder), /model.safetensors is a directory, expected a regular file/);
  });
});

describe("a folder of Caikit", () => {
  const artifacts = (name: string) =>
    Object.fromEntries(Object.entries(miniLm).map(([file, content]) => [`${name}/${file}`, content]));

  it("has its model where config.yml says", async () => {
    const folder = await make({
      ...artifacts("files"),
      "config.yml": "artifacts_path: 'files'\nmodule_class: caikit_nlp.x.EmbeddingModule\n",
    });
    const { facts, tokenizer } = readTextFolder(folder);
    assert.equal(facts.maxTokens, 256);
    assert.equal(tokenizer.tokenizer, join(folder, "files", "tokenizer.json"));
  });

  it("has its model in artifacts if config.yml does not say", async () => {
    const { facts } = await read({ ...artifacts("artifacts"), "config.yml": "name: x\n" });
    assert.equal(facts.pooling, "mean");
  });

  it("is refused if it points out of the folder", () =>
    refuses({ "config.yml": "artifacts_path: /etc\n" }, /expected one inside the folder/));
});

describe("links in a folder", () => {
  /** A folder as Hugging Face caches it: links to files of other names. */
  async function cache(): Promise<{ readonly base: string; readonly snapshot: string }> {
    const base = await make({});
    const snapshot = join(base, "snapshots", "1");
    await mkdir(join(base, "blobs"));
    await mkdir(snapshot, { recursive: true });
    let blob = 0;
    for (const [name, content] of Object.entries(huggingFace({ model_type: "bert" }))) {
      const target = `blob-${blob++}`;
      await writeFile(
        join(base, "blobs", target),
        typeof content === "string" ? content : JSON.stringify(content),
      );
      await symlink(join("..", "..", "blobs", target), join(snapshot, name));
    }
    return { base, snapshot };
  }

  it("are followed within the roots", async () => {
    const { base, snapshot } = await cache();
    const { weights, files } = readTextFolder(snapshot, { roots: [base] });
    assert.deepEqual(weights, { kind: "safetensors", files: [join(base, "blobs", "blob-2")] });
    assert.equal(files.length, 3);
  });

  it("are refused beyond the roots", async () => {
    const { snapshot } = await cache();
    assert.throws(() => readTextFolder(snapshot), /config.json' is outside the model directories/);
  });

  it("are refused if they lead to nothing", async () => {
    const { base, snapshot } = await cache();
    await rm(join(base, "blobs", "blob-2"));
    assert.throws(
      () => readTextFolder(snapshot, { roots: [base] }),
      /model.safetensors' does not exist/,
    );
  });
});
