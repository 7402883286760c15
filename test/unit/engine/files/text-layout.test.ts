import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { after, before, describe, it } from "node:test";
import { findModelFile } from "../../../../src/engine/files/model-layout.ts";
import { textNames } from "../../../../src/models/text-names.ts";
import { listModelRepository } from "../../../../src/storage/repository/model-repository.ts";
import { emptyFiles } from "../../../support/empty-files.ts";

const kinds = [textNames, { extensions: [".onnx"] }];

let root = "";
before(async () => {
  root = await mkdtemp(join(tmpdir(), "modelport-layout-"));
});
after(() => rm(root, { recursive: true, force: true }));

const tree = (names: readonly string[]) => emptyFiles(names, root);

const plain = ["config.json", "tokenizer.json"];

const found: readonly [what: string, names: readonly string[], place: string][] = [
  ["one with weights", [...plain, "model.safetensors"], ""],
  ["one with shards", [...plain, "model.safetensors.index.json", "model-1.safetensors"], ""],
  ["one of sentence-transformers", ["modules.json", ...plain, "1_Pooling/config.json"], ""],
  ["an old one of it", ["modules.json", "0_Transformer/config.json", "1_Pooling/x"], ""],
  ["one of Caikit", ["config.yml", "artifacts/config.json", "artifacts/model.safetensors"], ""],
  ["one with an ONNX file", [...plain, "model.onnx"], ""],
  ["one with a folder of ONNX files", [...plain, "onnx/model.onnx", "onnx/model_O3.onnx"], ""],
  ["one that must be converted", ["config.json", "vocab.txt", "pytorch_model.bin"], ""],
  ["one without a tokenizer", ["config.json", "model.safetensors"], ""],
  ["the highest version", ["1/config.json", "2/config.json", "2/model.safetensors"], "2"],
  [
    "the only snapshot of Hugging Face's cache",
    ["blobs/1", "refs/main", "snapshots/abc/config.json", "snapshots/abc/model.safetensors"],
    "snapshots/abc",
  ],
];

const files: readonly [what: string, names: readonly string[], file: string][] = [
  ["without a tokenizer", ["config.json", "model.onnx"], "model.onnx"],
  ["without a configuration", ["tokenizer.json", "model.onnx"], "model.onnx"],
  ["above a text model", ["net.onnx", "text/config.json", "text/model.safetensors"], "net.onnx"],
  ["beside versions", ["net.onnx", "1/config.json", "1/model.safetensors"], "net.onnx"],
  ["in Hugging Face's layout", ["onnx/model.onnx", "config.json"], "onnx/model.onnx"],
];

describe("the folder of a text model", () => {
  for (const [what, names, place] of found) {
    it(`is ${what}`, async () => {
      const directory = await tree(names);
      assert.equal(relative(directory, findModelFile(directory, kinds)), place);
      const repository = await mkdtemp(join(root, "repository-"));
      await rm(repository, { recursive: true });
      await mkdir(repository);
      for (const name of names) {
        const path = join(repository, "m", name);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, "");
      }
      const { models } = await listModelRepository(repository, kinds);
      assert.deepEqual([models[0]?.id, models[0]?.refusal], ["m", undefined]);
    });
  }

  for (const [what, names, file] of files) {
    it(`is not that of an ONNX file ${what}`, async () => {
      const directory = await tree(names);
      assert.equal(relative(directory, findModelFile(directory, kinds)), file);
    });
  }

  it("is one of several only if the request says which", async () => {
    const names = ["a/config.json", "a/model.safetensors", "b/config.json", "b/model.safetensors"];
    const directory = await tree(names);
    assert.throws(() => findModelFile(directory, kinds), /models in several folders: a\/, b\//);
    assert.equal(findModelFile(join(directory, "b"), kinds), join(directory, "b"));
  });

  it("does not change what is said where no model is", async () => {
    const directory = await tree(["x.txt"]);
    assert.throws(() => findModelFile(directory, kinds), /has no \.onnx file; seen: x\.txt/);
    assert.throws(() => findModelFile(directory, [textNames]), /has no folder of a text model/);
  });
});
