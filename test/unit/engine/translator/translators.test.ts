import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RuntimeError } from "../../../../src/base/errors.ts";
import { translators } from "../../../../src/engine/translator/translators.ts";
import { xgboostJson } from "../../../support/trees/xgboost-json.ts";

describe("a translator", () => {
  it("refuses a file in one line, whatever the values are that it quotes", async () => {
    const translate = await translators["xgboost"]?.();
    assert(translate !== undefined);
    const text = xgboostJson({ leaf: 1 }).toString();
    const wounded = text.replace(/"size_leaf_vector":"\d+"/, '"size_leaf_vector":"\\n\\u001b[31m"');
    assert.notEqual(wounded, text);
    assert.throws(
      () => translate(Buffer.from(wounded), { maxSplits: 1000 }),
      (error: unknown) => {
        assert(error instanceof RuntimeError);
        assert.equal(error.kind, "invalid-argument");
        assert.match(
          error.message,
          /size_leaf_vector' is "\\x0a\\x1b\[31m", expected a whole number/,
        );
        return true;
      },
    );
  });
});
