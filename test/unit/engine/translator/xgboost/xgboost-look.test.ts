import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  looksLikeXgboost,
  xgboostKind,
} from "../../../../../src/engine/translator/xgboost/xgboost-look.ts";
import { readGoldenFiles } from "../../../../support/trees/golden-files.ts";

describe("xgboostKind", () => {
  it("recognises models of all versions by their first bytes", () => {
    for (const { name, bytes } of readGoldenFiles("xgboost")) {
      assert.equal(
        xgboostKind(bytes.subarray(0, 65_536)),
        name.endsWith(".ubj") ? "ubjson" : "json",
      );
    }
  });

  it("recognises JSON that was written again, and the old binary format", () => {
    assert.equal(xgboostKind(Buffer.from('\n{\n  "version": [3, 4, 1],\n  "learner": {')), "json");
    assert.equal(xgboostKind(Buffer.from("binf\x00\x00")), "binary");
  });
});

describe("looksLikeXgboost", () => {
  const others: readonly (readonly [string, string])[] = [
    ["an empty file", ""],
    ["text", "tree\nversion=v4\nlearner"],
    ["other JSON", '{"features_info": {}, "oblivious_trees": []}'],
    ["settings of a model", '{"name": "x", "parameters": {}}'],
    ["a list", '["learner"]'],
    ["ONNX", "\x08\x0a\x12\x09modelport"],
    ["a pickle", "\x80\x05\x95"],
    ["a brace alone", "{"],
    ["other UBJSON", "{i\x05trees["],
  ];
  for (const [name, content] of others) {
    it(`is false for ${name}`, () => {
      assert.equal(looksLikeXgboost(Buffer.from(content, "latin1")), false);
    });
  }
});
