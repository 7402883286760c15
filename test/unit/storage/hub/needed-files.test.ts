import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { selectFiles } from "../../../../src/storage/hub/needed-files.ts";

const select = (all: readonly string[], path = "", extra: readonly string[] = []) =>
  [...selectFiles(all, path, extra, "owner/m").paths].sort();

const common = [".gitattributes", "README.md", "LICENSE", "config.json", "images/plot.png"];
const tokenizer = ["tokenizer.json", "tokenizer_config.json", "vocab.txt"];
const others = [
  ...["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "pytorch_model.bin.index.json"],
  ...["tf_model.h5", "flax_model.msgpack", "rust_model.ot", "training_args.bin", "m.gguf"],
  ...["openvino/openvino_model.xml", "openvino/openvino_model.bin", "coreml/a.mlpackage/data"],
  ...["runs/events.out.tfevents.1", "optimizer.pt", "trainer_state.json", "train.py"],
];

describe("the files that a model of the hub needs", () => {
  const found: readonly [string, readonly string[], readonly string[]][] = [
    [
      "are the weights and the tokenizer of a text model",
      [...common, ...tokenizer, ...others, "model.safetensors", "1_Pooling/config.json"],
      [...tokenizer, "config.json", "model.safetensors", "1_Pooling/config.json"],
    ],
    [
      "are all parts of large weights",
      [...tokenizer, "config.json", "model.safetensors.index.json", "model-1-of-1.safetensors"],
      [...tokenizer, "config.json", "model.safetensors.index.json", "model-1-of-1.safetensors"],
    ],
    [
      "are the usual one of several ONNX files, with its weights",
      [
        ...["onnx/model.onnx", "onnx/model.onnx_data", "onnx/model_fp16.onnx", "config.json"],
        ...["onnx/model_fp16.onnx_data", "onnx/model_q4.onnx", "model.safetensors"],
      ],
      ["onnx/model.onnx", "onnx/model.onnx_data", "config.json"],
    ],
    [
      "are ONNX and safetensors of a text model, since its architecture decides",
      [...tokenizer, "config.json", "model.safetensors", "onnx/model.onnx", "onnx/model_O2.onnx"],
      [...tokenizer, "config.json", "model.safetensors", "onnx/model.onnx"],
    ],
    ["are the only ONNX file, whatever it is called", ["net.onnx", "x/b.onnx"], ["net.onnx"]],
    [
      "are external weights of other names",
      ["net.onnx", "w0", "w1.bin"],
      ["net.onnx", "w0", "w1.bin"],
    ],
    ["are versions", ["1/model.onnx", "2/model.onnx"], ["1/model.onnx", "2/model.onnx"]],
    ["are those of scikit-learn", [...common, "model.joblib"], ["config.json", "model.joblib"]],
    [
      "are MLflow's",
      ["MLmodel", "model.xgb", "conda.yaml"],
      ["MLmodel", "model.xgb", "conda.yaml"],
    ],
    ["are an archive", ["README.md", "model.tar.gz"], ["model.tar.gz"]],
  ];
  for (const [what, all, needed] of found) {
    it(what, () => assert.deepEqual(select(all), [...needed].sort()));
  }

  it("are those of a folder, by names that start there", () => {
    const all = ["a/model.onnx", "a/x.json", "b/model.onnx", "ab/model.onnx"];
    const { paths, root, isFolder } = selectFiles(all, "a", [], "owner/m");
    assert.deepEqual(
      { paths, root, isFolder },
      { paths: all.slice(0, 2), root: "a", isFolder: true },
    );
  });

  it("are a file that is named and the weights beside it", () => {
    const all = ["onnx/a.onnx", "onnx/a.onnx_data", "onnx/a.onnx_data_1", "onnx/ab.onnx", "c.json"];
    assert.deepEqual(select(all, "onnx/a.onnx"), all.slice(0, 3));
    assert.equal(selectFiles(all, "onnx/ab.onnx", [], "owner/m").isFolder, false);
  });

  it("are also what is asked for", () => {
    const all = ["model.onnx", "model_int8.onnx"];
    assert.deepEqual(select(all, "", ["model_int8.onnx"]), all);
    assert.throws(() => select(all, "", ["none"]), /has no 'none', which 'include' names/);
  });

  const refused: readonly [string, readonly string[], RegExp][] = [
    [
      "several ONNX files",
      ["a.onnx", "b.onnx"],
      /several \.onnx files.*hf:\/\/owner\/model\/a\.onnx/,
    ],
    ["several folders", ["a/model.onnx", "b/model.onnx"], /several folders \(a, b\)/],
    [
      "only weights of others",
      [...common, ...others],
      /no model that can be served.*pytorch_model/,
    ],
    ["weights without a tokenizer", ["unet/model.safetensors"], /no model that can be served/],
    ["nothing", [], /has no ''/],
  ];
  for (const [what, all, message] of refused) {
    it(`are refused before the pull if there are ${what}`, () => {
      assert.throws(() => select(all), { kind: "failed-precondition", message });
    });
  }
});
