import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { truncationOf } from "../../../../src/rpc/caikit/token-limit.ts";

describe("Caikit's truncate_input_tokens", () => {
  const maxTokens = 256;
  const meanings: [number | bigint | undefined, ReturnType<typeof truncationOf>][] = [
    [undefined, "error"],
    [0, "error"],
    [0n, "error"],
    [-1, "model"],
    [-5n, "model"],
    [1n, 1],
    [256, 256],
    [257, "error"],
    [2n ** 62n, "error"],
    [-(2n ** 63n), "model"],
  ];
  for (const [tokens, meaning] of meanings) {
    it(`means ${meaning} with ${tokens} for a model that takes ${maxTokens}`, () => {
      assert.equal(truncationOf(tokens, maxTokens), meaning);
    });
  }
});
