import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { modelKinds } from "../../../../src/engine/catalog.ts";
import { findModel } from "../../../../src/engine/files/model-files.ts";
import { listModelRepository } from "../../../../src/storage/repository/model-repository.ts";
import { addOne } from "../../../support/models/simple-models.ts";
import { xgboostJson } from "../../../support/trees/xgboost-json.ts";

const xgboost = xgboostJson({ leaf: 1 });
const lightgbm = "tree\nversion=v4\nnum_class=1\n";
const catboost = "CBM1....";
const settings = '{"name":"m","implementation":"x"}';

let root = "";
before(async () => {
  root = await mkdtemp(join(tmpdir(), "modelport-recognised-"));
});
after(() => rm(root, { recursive: true, force: true }));

async function folderOf(files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  const folder = await mkdtemp(join(root, "m-"));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

/** Format and file, or why there is none. */
async function find(path: string, format?: string): Promise<string> {
  const place = { path, name: path, roots: [root], format };
  return await findModel(place).then(
    ({ model }) => `${model.format} ${model.file.slice(path.length + 1)}`,
    (error: Error) => error.message.replaceAll(`${path}`, "DIR"),
  );
}

describe("files of other libraries", () => {
  const found: readonly [
    what: string,
    files: Readonly<Record<string, Uint8Array | string>>,
    expected: string | RegExp,
  ][] = [
    ["by usual names", { "model.json": xgboost, "x.json": settings }, "xgboost model.json"],
    [
      "by any name",
      { "churn.json": xgboost, "model-settings.json": settings },
      "xgboost churn.json",
    ],
    ["in a .bst that is XGBoost's", { "model.bst": xgboost }, "xgboost model.bst"],
    ["in a .bst that is LightGBM's", { "model.bst": lightgbm }, "lightgbm model.bst"],
    ["in text", { "model.txt": lightgbm, "README.txt": "hello" }, "lightgbm model.txt"],
    ["in versions", { "1/model.cbm": catboost, "2/model.json": xgboost }, "xgboost 2/model.json"],
    ["after ONNX files", { "net.onnx": addOne(), "model.json": xgboost }, "onnx net.onnx"],
    [
      "after ONNX files in other folders",
      { "onnx/model.onnx": addOne(), "model.cbm": catboost },
      "onnx onnx/model.onnx",
    ],
    ["by extension before content", { "a.json": xgboost, "b.cbm": catboost }, "catboost b.cbm"],
    [
      "unless there are several",
      { "a.json": xgboost, "b.json": xgboost },
      /^DIR has 2 .* files and none is named model\.json or /,
    ],
    [
      "unless they are something else",
      { "model.json": '{"modelTopology":{}}', "config.json": "{}" },
      /^DIR has no \.onnx file; seen: config\.json, model\.json; model\.json is a TensorFlow\.js model/,
    ],
  ];
  for (const [what, files, expected] of found) {
    it(`are found ${what}`, async () => {
      const answer = await find(await folderOf(files));
      if (typeof expected === "string") assert.equal(answer, expected);
      else assert.match(answer, expected);
    });
  }

  it("are found as what was named, and as nothing else", async () => {
    const folder = await folderOf({ "model.bst": lightgbm, "net.onnx": addOne() });
    assert.equal(await find(folder, "lightgbm"), "lightgbm model.bst");
    assert.equal(await find(folder, "onnx"), "onnx net.onnx");
    assert.match(
      await find(folder, "catboost"),
      /^DIR has no \.cbm file; seen: model\.bst, net\.onnx/,
    );
  });

  it("are what they hold, under the name of an ONNX file too", async () => {
    const folder = await folderOf({ "model.onnx": xgboost });
    assert.equal(await find(folder), "xgboost model.onnx");
    assert.equal(await find(await folderOf({ "model.onnx": "junk" })), "onnx model.onnx");
  });

  it("are models of a repository, and what lies beside them is not", async () => {
    const repository = await folderOf({
      "churn/model.json": xgboost,
      "churn/model-settings.json": settings,
      "fraud.json": xgboost,
      "config.json": settings,
      "notes.txt": "hello",
      "plain.txt": lightgbm,
      "tfjs/model.json": '{"modelTopology":{}}',
      "net/model.onnx": addOne(),
      "net/vectorizer.pkl": "x",
    });
    const { models, ignored } = await listModelRepository(repository, modelKinds);
    assert.deepEqual(
      models.map(({ id }) => id),
      ["churn", "fraud", "net", "plain"],
    );
    assert.deepEqual(
      ignored.map(({ name }) => name),
      ["config.json", "notes.txt", "tfjs"],
    );
  });
});
