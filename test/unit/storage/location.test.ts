import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readStorageLocation } from "../../../src/storage/location.ts";

const read = (path: string, key: Record<string, unknown> = {}) =>
  readStorageLocation(path, key, "model 'm'");

describe("the place of a model", () => {
  it("is local unless the key or the path says otherwise", () => {
    assert.equal(read("onnx/m.onnx"), undefined);
    assert.equal(read("/models/m", { model_type: "onnx", storage_key: null }), undefined);
  });

  it("is what ModelMesh Serving writes into the modelKey", () => {
    const key = { storage_key: "minio", storage_params: { bucket: "b", "a.b": "c" } };
    assert.deepEqual(read("onnx/m.onnx", key), {
      path: "onnx/m.onnx",
      storageKey: "minio",
      parameters: { bucket: "b", "a.b": "c" },
    });
    assert.deepEqual(read("m", { bucket: "old", storage_key: "k" })?.parameters, { bucket: "old" });
    const both = { bucket: "old", storage_params: { bucket: "new" } };
    assert.deepEqual(read("m", both)?.parameters, { bucket: "new" });
  });

  const uris: [string, string, Record<string, string>][] = [
    ["s3://Bucket_1/a/b%20c.onnx", "a/b c.onnx", { type: "s3", bucket: "Bucket_1" }],
    ["s3://bucket", "", { type: "s3", bucket: "bucket" }],
    ["gs://bucket/a", "a", { type: "gcs", bucket: "bucket" }],
    ["pvc://claim/a/b", "a/b", { type: "pvc", name: "claim" }],
    ["https://h/a.onnx?sig=%2F", "", { type: "http", url: "https://h/a.onnx?sig=%2F" }],
    [
      "https://acc.blob.core.windows.net/box/a/b",
      "a/b",
      { type: "azure", account_name: "acc", container: "box" },
    ],
  ];
  for (const [uri, path, parameters] of uris) {
    it(`may be a URI: ${uri}`, () => {
      assert.deepEqual(read(uri), { path, storageKey: undefined, parameters });
      // The URI goes before parameters, as in ModelMesh Serving.
      const more = { storage_params: { type: "x", region: "r" } };
      assert.deepEqual(read(uri, more)?.parameters, { region: "r", ...parameters });
    });
  }

  it("is refused where it is none", () => {
    const bad: [string, Record<string, unknown>][] = [
      ["ftp://h/a", {}],
      ["file:///etc/passwd", {}],
      ["s3://b/%", {}],
      ["http://", {}],
      ["m", { storage_key: 1 }],
      ["m", { storage_params: [] }],
      ["m", { storage_params: { bucket: 1 } }],
      ["m", { bucket: {} }],
    ];
    for (const [path, key] of bad) {
      assert.throws(() => read(path, key), { kind: "invalid-argument", message: /model 'm'/ });
    }
  });
});
