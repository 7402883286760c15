import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type FolderTree,
  huggingFace,
  miniLm,
  without,
} from "../../../../support/text/folder-tree.ts";
import { textTrees } from "../../../../support/text/text-trees.ts";

const { read, refuses } = textTrees();

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
