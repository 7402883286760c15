import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findFormat, modelFormats } from "../../../src/engine/catalog.ts";

describe("the engine catalog", () => {
  it("finds a format by its name and its aliases, in any case", () => {
    for (const name of ["onnx", "ONNX", " Onnx ", "onnxruntime", "onnx_onnxv1"]) {
      assert.equal(findFormat(name)?.name, "onnx", name);
    }
  });

  it("knows no other", () => {
    for (const name of ["", "on", "onnx2", "pytorch", "constructor", "__proto__"]) {
      assert.equal(findFormat(name), undefined, name);
    }
  });

  it("has names and aliases that mean one format each, and extensions with their dots", () => {
    const names = modelFormats.flatMap((format) => [format.name, ...format.aliases]);
    assert.equal(new Set(names).size, names.length);
    for (const name of names) assert.equal(name, name.toLowerCase());
    for (const { files } of modelFormats) {
      const extensions = [...files.extensions, ...(files.doubtful ?? [])];
      assert.equal(new Set(extensions).size, extensions.length);
      for (const extension of extensions) assert.match(extension, /^\.[a-z0-9]+$/);
    }
  });

  it("predicts twice the files and something for the session", () => {
    const format = findFormat("onnx");
    assert.equal(format?.predictBytes(0), 256 * 1024);
    assert.equal(format?.predictBytes(1_000_000), 2_000_000 + 256 * 1024);
  });
});
