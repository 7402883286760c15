import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readTextFolder } from "../../../../../src/engine/text/folder/text-folder.ts";
import { buildTextGraph } from "../../../../../src/engine/text/graph/build-text-graph.ts";
import { openTextGraph } from "../../../../support/text/open-text-graph.ts";
import {
  batchOf,
  flat,
  type GoldenBatch,
  goldenOf,
  textFixture,
  textFixtures,
} from "../../../../support/text/text-fixtures.ts";

/** In numbers of up to 5. Orders of additions differ. */
const tolerance = 2e-5;

function assertClose(
  found: { readonly numbers: Float32Array; readonly shape: readonly number[] },
  { mask, output }: GoldenBatch,
): void {
  const expected = flat(output);
  assert.equal(found.numbers.length, expected.length);
  const isPerToken = found.shape.length === 3;
  const width = found.shape.at(-1) ?? 1;
  const counts = mask.flat();
  for (const [at, value] of expected.entries()) {
    if (isPerToken && counts[Math.floor(at / width)] === 0) continue;
    const difference = Math.abs((found.numbers[at] as number) - value);
    // NaN is not close to anything.
    if (!(difference <= tolerance)) {
      assert.fail(`number ${at} is ${found.numbers[at]}, expected ${value}`);
    }
  }
}

describe("the graph of a text model", () => {
  const names = textFixtures();

  it("is tried for every architecture and head that there is a model of", () => {
    const tasks = names.map((name) => {
      const { facts, family } = readTextFolder(textFixture(name));
      return `${family} ${facts.task}`;
    });
    for (const family of ["bert", "roberta", "xlm-roberta", "distilbert", "mpnet", "modernbert"]) {
      assert.ok(tasks.includes(`${family} embedding`), family);
      assert.ok(tasks.includes(`${family} token-classification`), family);
      const hasHead = ["rerank", "classification"].some((task) =>
        tasks.includes(`${family} ${task}`),
      );
      assert.ok(hasHead, family);
    }
    for (const family of ["camembert", "electra", "nomic_bert", "qwen3"]) {
      assert.ok(tasks.includes(`${family} embedding`), family);
    }
  });

  for (const name of names) {
    it(`answers as transformers does (${name})`, () => {
      const graph = buildTextGraph(readTextFolder(textFixture(name)));
      const model = openTextGraph(graph);
      try {
        for (const batch of goldenOf(name).batches) {
          const found = model.run(batchOf(batch));
          assert.equal(found.shape.at(-1), graph.width);
          assertClose(found, batch);
        }
      } finally {
        model.release();
      }
    });
  }
});
