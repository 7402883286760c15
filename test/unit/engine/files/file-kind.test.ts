import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { crc32, deflateSync, gzipSync } from "node:zlib";
import { RuntimeError } from "../../../../src/base/errors.ts";
import { fileKindOf } from "../../../../src/engine/files/file-kind.ts";
import { sampleBytes } from "../../../../src/engine/files/file-sample.ts";
import { inspectFile } from "../../../../src/engine/files/model-files.ts";
import { findModelFile } from "../../../../src/engine/files/model-layout.ts";
import { addOne } from "../../../support/models/simple-models.ts";

const latin1 = (text: string) => Buffer.from(text, "latin1");

/** A zip archive of files that are stored as they are. */
function zip(names: readonly string[]): Buffer {
  const content = latin1("content");
  const head = (mark: string, bytes: number, lengthAt: number, name: string) => {
    const header = Buffer.alloc(bytes);
    header.write(mark, "latin1");
    header.writeUInt32LE(crc32(content), lengthAt - 12);
    header.writeUInt32LE(content.length, lengthAt - 8);
    header.writeUInt32LE(content.length, lengthAt - 4);
    header.writeUInt16LE(name.length, lengthAt);
    return Buffer.concat([header, latin1(name)]);
  };
  return Buffer.concat([
    ...names.flatMap((name) => [head("PK\x03\x04", 30, 26, name), content]),
    ...names.map((name) => head("PK\x01\x02", 46, 28, name)),
  ]);
}

function tar(names: readonly string[]): Buffer {
  const entries = names.map((name) => {
    const header = Buffer.alloc(1024);
    header.write(name);
    header.write("00000000005\0", 124);
    header.write("ustar", 257);
    return header;
  });
  return Buffer.concat([...entries, Buffer.alloc(1024)]);
}

function safetensors(): Buffer {
  const json = latin1('{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(8)]);
}

const sklearn = "\x80\x04\x95\xff\0\0\0\0\0\0\0\x8c\x1esklearn.linear_model._logistic\x94";
const onnx = Buffer.from(addOne());

/** What a file holds, what that is called, and what is told to do. */
const kinds: readonly [content: Buffer | string, what: RegExp, advice: RegExp][] = [
  [sklearn, /^a Python pickle, of scikit-learn$/, /skl2onnx/],
  [
    `${sklearn}joblib.numpy_pickle`,
    /^a Python pickle written by joblib, of scikit-learn$/,
    /skl2onnx/,
  ],
  ["\x80\x03clightgbm.sklearn\nLGBMClassifier\nxgboost", /pickle, of LightGBM$/, /save_model/],
  ["\x80\x05\x95xgboost.sklearn", /pickle, of XGBoost$/, /save_model/],
  ["ccopy_reg\n_reconstructor\np0\n(csklearn.svm\n", /pickle, of scikit-learn$/, /skl2onnx/],
  ["(dp0\nVw\np1\nI1\ns.", /^a Python pickle$/, /only Python can read it/],
  ["\x80\x02}q\0.", /^a Python pickle$/, /only Python can read it/],
  [
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
    /^a PyTorch file/,
    /torch\.onnx\.export/,
  ],
  [zip(["archive/data.pkl", "archive/data/0"]), /^a PyTorch file/, /torch\.onnx\.export/],
  [zip(["m/data.pkl", "m/constants.pkl"]), /^a TorchScript model/, /torch\.onnx\.export/],
  [zip(["archive_format", "models/model.json"]), /^a torch\.export program/, /torch\.onnx/],
  [
    zip(["metadata.json", "config.json", "model.weights.h5"]),
    /^a Keras model \(\.keras\)$/,
    /model\.export/,
  ],
  [zip(["MAR-INF/MANIFEST.json", "m.pt"]), /^a TorchServe archive/, /torch\.onnx/],
  [zip(["x.npy", "y.npy"]), /^numpy arrays/, /no graph/],
  [zip(["read.me"]), /^a zip archive$/, /unpack it/],
  [zip(["m/1/model.onnx"]), /^a zip archive with m\/1\/model\.onnx in it$/, /unpack it/],
  [tar(["m/", "m/model.onnx"]), /^a tar archive with m\/model\.onnx in it$/, /unpack it/],
  [
    gzipSync(tar(["a", "b.onnx"])),
    /^a tar archive with b\.onnx in it, compressed \(gzip\)$/,
    /unpack it/,
  ],
  [gzipSync(onnx), /^a compressed one \(gzip\)$/, /decompress/],
  [
    deflateSync(latin1(sklearn)),
    /^a Python pickle, of scikit-learn, compressed \(zlib\)$/,
    /skl2onnx/,
  ],
  [gzipSync(gzipSync(gzipSync(gzipSync(gzipSync(onnx))))), /compressed/, /./],
  ["\x1f\x8bbroken", /^a compressed file \(gzip\)$/, /unpack/],
  ["\x28\xb5\x2f\xfd....", /^a compressed file \(zstd\)$/, /unpack/],
  ["\xfd7zXZ\0", /\(xz\)$/, /unpack/],
  ["BZh91AY&SY", /\(bzip2\)$/, /unpack/],
  ["7z\xbc\xaf\x27\x1c", /\(7-Zip\)$/, /unpack/],
  ["GGUF\x03\0\0\0", /^a llama\.cpp GGUF file/, /llama\.cpp/],
  [safetensors(), /^a safetensors file/, /optimum-cli/],
  ["\x1c\0\0\0TFL3", /^a TensorFlow Lite model$/, /tf2onnx/],
  ["\x1c\0\0\0ORTM", /\(\.ort\)$/, /\.onnx/],
  ["\x89HDF\r\n\x1a\n....keras_version", /^a Keras model \(HDF5\)$/, /Keras/],
  ["\x08\x01\x12\x90\x4e\x12\x05serve....VarHandleOp", /^a TensorFlow SavedModel$/, /tf2onnx/],
  ["\x0a\x1c\x0a\x01x\x12\x0bPlaceholder", /^a TensorFlow graph/, /tf2onnx/],
  ["{L\0\0\0\0\0\0\0\x07learner{L", /^an XGBoost model \(UBJSON\)$/, /save_model/],
  ['{"learner":{"attributes":{}}}', /^an XGBoost model \(JSON\)$/, /save_model/],
  ["tree\nversion=v4\n", /^a LightGBM model/, /save_model/],
  ['{"name":"tree","tree_info":[]}', /^a LightGBM model/, /save_model/],
  ["CBM1\0\0", /^a CatBoost model$/, /save_model/],
  ['<?xml version="1.0"?>\n<net name="m" version="11">', /^an OpenVINO model/, /ONNX/],
  ['<?xml version="1.0"?>\n<PMML version="4.4">', /^a PMML model$/, /ONNX/],
  [
    '<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>',
    /^a storage error message/,
    /fetch/,
  ],
  ["\xef\xbb\xbf\n <!DOCTYPE html><html>", /^an HTML page/, /fetch the file again/],
  ["<html><head>", /^an HTML page/, /fetch the file again/],
  ['{"error":"Repository not found"}', /^an error message \(JSON\)/, /fetch/],
  ['{\n "architectures": ["BertModel"]}', /Hugging Face/, /optimum/],
  [
    "version https://git-lfs.github.com/spec/v1\noid sha256:4d\n",
    /^a Git LFS pointer/,
    /git lfs pull/,
  ],
  ["outs:\n- md5: a304\n  path: m.onnx\n", /^a DVC pointer/, /dvc pull/],
  ["/annex/objects/SHA256E-s1--a.onnx\n", /^a git-annex pointer/, /git annex get/],
  ['ir_version: 8\nproducer_name: "x"\n', /^an ONNX model written as text$/, /onnx\.save/],
  ["[1, 2]", /^a JSON text$/, /ONNX/],
  ["setosa\nversicolor\n", /^a text file that begins with "setosa/, /\.onnx/],
  ["x^2 is no zlib", /^a text/, /\.onnx/],
  ["\x7fELF\x02", /^a program or library \(ELF\)$/, /no model/],
  ["\x93NUMPY\x01", /^a numpy array$/, /no model/],
  [Buffer.alloc(10_000), /nothing but zeros/, /again/],
  ["", /^an empty file$/, /again/],
];

describe("what a file is", () => {
  for (const [content, what, advice] of kinds) {
    const bytes = typeof content === "string" ? latin1(content) : content;
    it(`is told of ${what} from ${JSON.stringify(bytes.toString("latin1", 0, 24))}`, () => {
      const kind = fileKindOf(sampleBytes("model", bytes));
      assert.match(kind?.what ?? "unknown", what);
      assert.match(kind?.advice ?? "", advice);
      // Whatever it is cut to, it is some kind or none.
      for (let length = 0; length < Math.min(bytes.length, 600); length += 3) {
        fileKindOf(sampleBytes("model", bytes.subarray(0, length)));
      }
    });
  }

  it("is not told of ONNX, whole or damaged, and of bytes at random", () => {
    assert.equal(fileKindOf(sampleBytes("model", onnx)), undefined);
    assert.equal(fileKindOf(sampleBytes("model", onnx.subarray(0, 40))), undefined);
    const noise = Buffer.from(Float32Array.from({ length: 999 }, (_, at) => Math.sin(at)).buffer);
    assert.equal(fileKindOf(sampleBytes("model", noise)), undefined);
  });

  it("is told of a text whose last character lies across the end of what is read", () => {
    for (const start of ["", "a", "ab"]) {
      const text = Buffer.from(start + "€".repeat(40_000));
      assert.match(fileKindOf(sampleBytes("model", text))?.what ?? "", /^a text/);
    }
  });
});

describe("a file that is refused as a model", () => {
  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "modelport-kinds-"));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  async function refusal(name: string, content: Uint8Array): Promise<string> {
    const file = join(directory, name);
    await writeFile(file, content);
    let message = "";
    await assert.rejects(inspectFile({ format: "onnx", file }), (error) => {
      assert.ok(error instanceof RuntimeError);
      assert.equal(error.kind, "invalid-argument");
      ({ message } = error);
      return true;
    });
    assert.doesNotMatch(message, /wire type|field|varint|protobuf/i);
    return message.replaceAll(`${directory}/`, "");
  }

  it("is called what it is", async () => {
    assert.equal(
      await refusal("churn.pkl", latin1(sklearn)),
      "churn.pkl is not an ONNX model but a Python pickle, of scikit-learn; load it without a type, or as 'sklearn'",
    );
    for (const [index, [content]] of kinds.entries()) {
      const bytes = typeof content === "string" ? latin1(content) : content;
      assert.match(await refusal(`${index}`, bytes), / is not an ONNX model but /);
    }
  });

  it("is called damaged if it is ONNX", async () => {
    const cut = await refusal("cut.onnx", onnx.subarray(0, onnx.length - 30));
    assert.match(cut, /^cut\.onnx is an ONNX model that cannot be read: it /);
    const holed = Buffer.from(onnx);
    holed.fill(0xff, 20, 60);
    assert.match(
      await refusal("holed.onnx", holed),
      /^holed\.onnx is an ONNX model that cannot be/,
    );
  });

  it("is called weights by its name, and otherwise of an unknown kind", async () => {
    const noise = Buffer.from(Float32Array.from({ length: 999 }, (_, at) => Math.sin(at)).buffer);
    for (const name of ["model.onnx_data", "model.onnx.data", "pytorch.bin"]) {
      assert.match(await refusal(name, noise), /its name suggests weights/);
    }
    assert.match(
      await refusal("m.onnx", noise),
      /^m\.onnx is not an ONNX model: its format is unknown/,
    );
  });

  it("is named where a folder has it in place of a model", async () => {
    const folder = await mkdtemp(join(directory, "folder-"));
    for (const [name, content] of [
      ["README.md", latin1("# A model")],
      ["config.yml", latin1("a: 1")],
      ["model.safetensors", safetensors()],
    ] as const) {
      await writeFile(join(folder, name), content);
    }
    assert.throws(() => findModelFile(folder, [{ extensions: [".onnx"] }]), {
      kind: "invalid-argument",
      message:
        /has no \.onnx file; seen: README\.md, config\.yml, model\.safetensors; model\.safetensors is a safetensors file, .*: .* optimum/,
    });
  });
});
