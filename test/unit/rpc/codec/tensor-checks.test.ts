import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { refuseDuplicates } from "../../../../src/rpc/codec/tensor-checks.ts";

describe("the check for names that stand twice", () => {
  it("passes names that differ, however many", () => {
    refuseDuplicates([], "input");
    refuseDuplicates(["a", "A", "__proto__", "constructor"], "input");
  });

  it("names the first that repeats", () => {
    assert.throws(() => refuseDuplicates(["a", "b", "c", "b", "a"], "input of model 'm'"), {
      kind: "invalid-argument",
      message: "'b' is named twice as an input of model 'm'",
    });
  });

  it("looks at each name once", () => {
    // A look at every pair would take minutes.
    const names = Array.from({ length: 500_000 }, (_, index) => `name ${index}`);
    assert.throws(() => refuseDuplicates([...names, "name 499999"], "output"), {
      message: "'name 499999' is named twice as an output",
    });
  });
});
