import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pickSample } from "../../zoo/sample/pick-sample.ts";

const words = Array.from({ length: 182 }, (_, at) => {
  return `${String.fromCharCode(97 + (at % 26))}${String.fromCharCode(97 + Math.floor(at / 26))}op`;
});
const candidates = words.flatMap((word) =>
  [3, 1, 2].map((sizeKb) => ({
    kind: "node",
    name: `${word}_${sizeKb}`,
    sizeBytes: sizeKb * 1000,
  })),
);

describe("the sample of the zoo", () => {
  it("has each family at most once, by its smallest member", () => {
    const names = pickSample(candidates).map(({ name }) => name);
    assert.equal(names.length, 150);
    assert.ok(names.every((name) => name.endsWith("_1")));
    assert.equal(new Set(names).size, names.length);
  });

  it("has what was once a fault, and nothing large", () => {
    const isin = { kind: "node", name: "isinf", sizeBytes: 900 };
    const large = { kind: "node", name: "cumsum_1d", sizeBytes: 1e6 };
    const names = pickSample([...candidates, isin, large]).map(({ name }) => name);
    assert.ok(names.includes("isinf"));
    assert.ok(!names.includes("cumsum_1d"));
  });
});
