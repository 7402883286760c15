import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { RuntimeError } from "../../../../../src/base/errors.ts";
import type { TextTask } from "../../../../../src/engine/contract/text-facts.ts";
import {
  readTextFolder,
  type TextFolder,
} from "../../../../../src/engine/text/folder/text-folder.ts";
import { buildTextGraph } from "../../../../../src/engine/text/graph/build-text-graph.ts";
import { openTextGraph } from "../../../../support/text/open-text-graph.ts";
import { floats, safetensorsFile, withHeader } from "../../../../support/text/safetensors-file.ts";
import { batchOf, flat, goldenOf, textFixture } from "../../../../support/text/text-fixtures.ts";

type Config = Readonly<Record<string, unknown>>;

function fixture(name: string): TextFolder {
  return readTextFolder(textFixture(name));
}

/** A model with another config.json, but the same weights. */
function withConfig(name: string, change: Config): TextFolder {
  const folder = fixture(name);
  return { ...folder, config: { ...folder.config, ...change } };
}

function withTask(name: string, task: TextTask): TextFolder {
  const folder = fixture(name);
  return { ...folder, facts: { ...folder.facts, task } };
}

function assertRefused(folder: TextFolder, why: RegExp): void {
  assert.throws(
    () => buildTextGraph(folder),
    (reason) =>
      reason instanceof RuntimeError &&
      reason.kind === "invalid-argument" &&
      why.test(reason.message),
  );
}

describe("the graph of a text model that is not served", () => {
  const rope = { rope_type: "yarn", factor: 4, rope_theta: 10_000 };
  const cases: readonly (readonly [string, Config, RegExp])[] = [
    ["bert-embedding", { hidden_act: "quick_gelu" }, /'hidden_act' is 'quick_gelu'.*gelu_new/],
    ["bert-embedding", { position_embedding_type: "relative_key" }, /expected "absolute"/],
    ["bert-embedding", { is_decoder: true }, /'is_decoder' is true, expected false/],
    ["bert-embedding", { quantization_config: { bits: 4 } }, /'quantization_config'.*not served/],
    ["bert-embedding", { hidden_size: undefined }, /'hidden_size' is missing, expected a whole/],
    ["bert-embedding", { hidden_size: "32" }, /'hidden_size' is "32", expected a whole number/],
    ["bert-embedding", { hidden_size: 0 }, /'hidden_size' is 0/],
    ["bert-embedding", { hidden_size: 64 }, /has the shape \[\d+, 32\], expected \[\d+, 64\]/],
    ["bert-embedding", { num_attention_heads: 5 }, /'num_attention_heads' is 5.*divisor.*32/],
    ["bert-embedding", { intermediate_size: 63 }, /intermediate\.dense\.weight.*\[64, 32\]/],
    ["bert-embedding", { vocab_size: 299 }, /word_embeddings/],
    ["bert-embedding", { max_position_embeddings: 10 ** 9 }, /position_embeddings/],
    ["bert-embedding", { layer_norm_eps: 0 }, /'layer_norm_eps' is 0/],
    ["bert-embedding", { num_hidden_layers: 3 }, /no tensor 'encoder\.layer\.2\./],
    ["bert-embedding", { num_hidden_layers: 10 ** 9 }, /'num_hidden_layers'.*at most 1000/],
    ["bert-classifier", { num_hidden_layers: 3 }, /no tensor 'bert\.encoder\.layer\.2\./],
    ["distilbert-embedding", { activation: "gelu_10" }, /'activation' is 'gelu_10'/],
    ["mpnet-embedding", { relative_attention_num_buckets: 64 }, /expected 32/],
    [
      "modernbert-embedding",
      { rope_parameters: { full_attention: rope } },
      /'rope_type' is "yarn"/,
    ],
    ["modernbert-embedding", { rope_scaling: { type: "linear", factor: 2 } }, /'type' is "linear"/],
    ["modernbert-embedding", { layer_types: ["full_attention"] }, /'layer_types'.*expected 3 of/],
    ["modernbert-embedding", { layer_types: [1, 2, 3] }, /'layer_types'.*expected a list of texts/],
    ["modernbert-embedding", { mlp_bias: true }, /no tensor 'layers\.0\.mlp\.Wi\.bias'/],
    ["modernbert-rerank", { classifier_pooling: "max" }, /'classifier_pooling' is "max"/],
    [
      "modernbert-rerank",
      { classifier_activation: "maxout" },
      /'classifier_activation' is 'maxout'/,
    ],
    ["nomic-embedding", { rotary_emb_fraction: 0.5 }, /'rotary_emb_fraction' is 0\.5, expected 1/],
    [
      "nomic-embedding",
      { rotary_scaling_factor: 2 },
      /'rotary_scaling_factor' is 2, expected none/,
    ],
    ["nomic-embedding", { qkv_proj_bias: true }, /'qkv_proj_bias' is true/],
    ["nomic-embedding", { moe_every_n_layers: 2 }, /'moe_every_n_layers' is 2/],
    ["nomic-embedding", { rope_parameters: rope }, /'rope_type' is "yarn"/],
    ["qwen3-embedding", { rope_scaling: rope }, /'rope_type' is "yarn"/],
    ["qwen3-embedding", { use_sliding_window: true }, /'use_sliding_window' is true/],
    ["qwen3-embedding", { num_key_value_heads: 3 }, /'num_key_value_heads' is 3.*divisor/],
    ["qwen3-embedding", { head_dim: 7 }, /heads of 7 numbers, expected an even number/],
  ];
  for (const [name, change, why] of cases) {
    it(`is refused with the reason: ${name} with ${JSON.stringify(change)}`, () => {
      assertRefused(withConfig(name, change), why);
    });
  }

  it("is refused for an architecture that is not known", () => {
    const folder = { ...fixture("bert-embedding"), family: "deberta-v2" };
    assertRefused(folder, /type 'deberta-v2' are not served.*only bert, camembert.*as model\.onnx/);
  });

  it("is refused for a task whose head its family does not have here", () => {
    for (const name of ["nomic-embedding", "qwen3-embedding"]) {
      for (const task of ["rerank", "classification", "token-classification"] as const) {
        assertRefused(withTask(name, task), new RegExp(`for embeddings, not for ${task}`));
      }
    }
  });

  it("is refused where its weights have no head, or another number of labels", () => {
    assertRefused(
      withTask("bert-embedding", "rerank"),
      /no tensor 'pooler\.dense|'classifier\.weight'/,
    );
    const folder = fixture("bert-classifier");
    const facts = { ...folder.facts, labels: ["one", "two"] };
    assertRefused(
      { ...folder, facts },
      /names 2 labels \(one, two\), but the head's weights have 3/,
    );
  });

  it("is refused with modules that do not fit together", () => {
    const folder = fixture("bert-embedding");
    const [pooling] = folder.modules;
    assertRefused({ ...folder, modules: [] }, /'nothing' follows the encoder, expected pooling/);
    assertRefused({ ...folder, modules: [{ type: "normalize" }] }, /'normalize' follows/);
    assert.ok(pooling);
    assertRefused({ ...folder, modules: [pooling, pooling] }, /pooling twice/);
    const dense = fixture("bert-dense").modules.find(({ type }) => type === "dense");
    assert.ok(dense?.type === "dense");
    const wider = { ...dense, inFeatures: 33 };
    assertRefused(
      { ...folder, modules: [pooling, wider] },
      /takes vectors of 33 numbers, but gets 32/,
    );
    const narrower = { ...dense, outFeatures: 12 };
    assertRefused({ ...folder, modules: [pooling, narrower] }, /'linear\.weight' has the shape/);
  });
});

describe("the weights of a text model", () => {
  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "modelport-weights-"));
  });
  after(() => rm(directory, { recursive: true }));

  /** The weights of a fixture with a changed header: names, or types. */
  async function rewritten(name: string, change: (header: string) => string): Promise<TextFolder> {
    const bytes = readFileSync(join(textFixture(name), "model.safetensors"));
    const end = 8 + Number(bytes.readBigUInt64LE());
    const file = join(directory, `${name}.safetensors`);
    const header = change(bytes.subarray(8, end).toString());
    await writeFile(file, withHeader(header, bytes.subarray(end)));
    return { ...fixture(name), weights: { kind: "safetensors", files: [file] } };
  }

  function firstAnswer(folder: TextFolder, name: string): readonly number[] {
    const [batch] = goldenOf(name).batches;
    assert.ok(batch);
    const model = openTextGraph(buildTextGraph(folder));
    const { numbers } = model.run(batchOf(batch));
    model.release();
    const expected = flat(batch.output);
    assert.equal(numbers.length, expected.length);
    return expected.map((value, at) => Math.abs(value - (numbers[at] as number)));
  }

  it("may have the names that BERT's first files have", async () => {
    const folder = await rewritten("bert-embedding", (header) =>
      header
        .replaceAll("LayerNorm.weight", "LayerNorm.gamma")
        .replaceAll("LayerNorm.bias", "LayerNorm.beta"),
    );
    assert.ok(Math.max(...firstAnswer(folder, "bert-embedding")) < 2e-5);
  });

  it("may have a prefix though the class is the bare encoder, and other tensors beside", async () => {
    const folder = await rewritten("bert-embedding", (header) =>
      header.replace(/"(embeddings|encoder|pooler)\./g, '"bert.$1.'),
    );
    assert.ok(Math.max(...firstAnswer(folder, "bert-embedding")) < 2e-5);
  });

  it("are refused in types that are not floats", async () => {
    const folder = await rewritten("bert-embedding", (header) =>
      header.replace(/("encoder\.layer\.0\.output\.dense\.bias":\{"dtype":)"F32"/, '$1"I32"'),
    );
    assertRefused(folder, /output\.dense\.bias' is of the type I32, expected F32, F16 or BF16/);
  });

  it("are refused if they are another model's", async () => {
    const file = join(directory, "other.safetensors");
    await writeFile(file, safetensorsFile({ "conv.weight": floats([1]) }));
    const folder = fixture("bert-embedding");
    assertRefused(
      { ...folder, weights: { kind: "safetensors", files: [file] } },
      /no tensor 'bert\.embeddings\.word_embeddings\.weight'.*there are 1, such as conv\.weight/,
    );
  });

  it("may be links to files elsewhere, as in Hugging Face's cache", async () => {
    const folder = fixture("bert-embedding");
    const [blobs, snapshot] = [join(directory, "blobs"), join(directory, "snapshots/1")];
    await mkdir(blobs, { recursive: true });
    await mkdir(snapshot, { recursive: true });
    const blob = join(blobs, "0123");
    await writeFile(blob, readFileSync(join(textFixture("bert-embedding"), "model.safetensors")));
    const link = join(snapshot, "model.safetensors");
    await symlink("../../blobs/0123", link);
    const linked: TextFolder = { ...folder, weights: { kind: "safetensors", files: [link] } };
    const graph = buildTextGraph(linked);
    assert.deepEqual([graph.dataFolder, graph.dataFiles], [blobs, [blob]]);
    assert.ok(Math.max(...firstAnswer(linked, "bert-embedding")) < 2e-5);
  });

  it("are not in the graph", () => {
    const graph = buildTextGraph(fixture("bert-embedding"));
    assert.ok(graph.onnx.byteLength < 40_000, `${graph.onnx.byteLength} bytes`);
  });
});
