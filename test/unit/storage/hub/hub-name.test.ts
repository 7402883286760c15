import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readHubName } from "../../../../src/storage/hub/hub-name.ts";

describe("the name of a model on the hub", () => {
  const names: readonly [string, string, string, string][] = [
    ["owner/model", "owner/model", "", ""],
    ["owner/model/", "owner/model", "", ""],
    ["gpt2", "gpt2", "", ""],
    ["gpt2@main/onnx", "gpt2", "main", "onnx"],
    ["Owner-1/m.2_x@v1.0/a/b.onnx", "Owner-1/m.2_x", "v1.0", "a/b.onnx"],
    ["owner/model:v1", "owner/model", "v1", ""],
    ["owner/model@refs/pr/12/a.onnx", "owner/model", "refs/pr/12", "a.onnx"],
    ["owner/model/folder@2/a", "owner/model", "", "folder@2/a"],
  ];
  for (const [text, repository, revision, path] of names) {
    it(`is read: ${text}`, () => {
      assert.deepEqual(readHubName(text, "m"), { repository, revision, path });
    });
  }

  for (const text of ["", "/", "../x", "owner/..", "a b/c", "o/m@../x", "o/m@a..b", "o/-m?x"]) {
    it(`is refused: '${text}'`, () => {
      assert.throws(() => readHubName(text, "m"), { kind: "invalid-argument" });
    });
  }
});
