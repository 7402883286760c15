import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { readTextFolder } from "../../../../../src/engine/text/folder/text-folder.ts";
import { huggingFace, miniLm, sequence, without } from "../../../../support/text/folder-tree.ts";
import { textTrees } from "../../../../support/text/text-trees.ts";

const { make, read, refuses } = textTrees();

describe("the architecture of a model", () => {
  it("is refused with the ones that are known", () =>
    refuses(
      huggingFace({ architectures: ["DebertaV2Model"], model_type: "deberta-v2" }),
      /architecture DebertaV2Model is not known; known are Bert, .*Qwen3Model; .*optimum-cli export onnx/,
    ));

  it("is refused for heads that are not known", () =>
    refuses(
      huggingFace({
        architectures: ["NomicBertForSequenceClassification"],
        model_type: "nomic_bert",
      }),
      /NomicBertForSequenceClassification is not known/,
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
