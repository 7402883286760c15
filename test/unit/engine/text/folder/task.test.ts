import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type FolderTree,
  huggingFace,
  miniLm,
  sequence,
} from "../../../../support/text/folder-tree.ts";
import { textTrees } from "../../../../support/text/text-trees.ts";

const { read, refuses } = textTrees();

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
  const rows: readonly [
    what: string,
    config: Readonly<Record<string, unknown>>,
    activation: string,
  ][] = [
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
