import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { scanOnnxFile } from "../../../../../src/engine/onnx/graph/scan-file.ts";
import { footprintOf } from "../../../../../src/engine/onnx/memory/footprint.ts";
import { readTextFolder } from "../../../../../src/engine/text/folder/text-folder.ts";
import { buildTextGraph } from "../../../../../src/engine/text/graph/build-text-graph.ts";
import { openTokenizer } from "../../../../../src/engine/text/tokens/open-tokenizer.ts";
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
    for (const family of [
      "bert",
      "roberta",
      "xlm-roberta",
      "distilbert",
      "mpnet",
      "modernbert",
      "electra",
    ]) {
      assert.ok(tasks.includes(`${family} embedding`), family);
      assert.ok(tasks.includes(`${family} token-classification`), family);
      const hasHead = ["rerank", "classification"].some((task) =>
        tasks.includes(`${family} ${task}`),
      );
      assert.ok(hasHead, family);
    }
    for (const family of ["camembert", "nomic_bert", "qwen3"]) {
      assert.ok(tasks.includes(`${family} embedding`), family);
    }
  });

  for (const name of names) {
    it(`answers as transformers does, to tokens and to texts (${name})`, () => {
      const folder = readTextFolder(textFixture(name));
      const golden = goldenOf(name);
      const graph = buildTextGraph(folder);
      const model = openTextGraph(graph);
      try {
        for (const batch of golden.batches) {
          const found = model.run(batchOf(batch));
          assert.equal(found.shape.at(-1), graph.width);
          assertClose(found, batch);
        }
        const tokenizer = openTokenizer(folder.tokenizer, folder);
        for (const { text, ids, output } of golden.texts) {
          const item = typeof text === "string" ? { text } : { text: text[0], pair: text[1] };
          const encoded = tokenizer.encode(item, { truncate: "model", addSpecial: true });
          assert.ok("ids" in encoded);
          assert.deepEqual([...encoded.ids], ids);
          const batch = {
            ids: [ids],
            mask: [ids.map(() => 1)],
            types: [[...encoded.types]],
            output,
          };
          assertClose(model.run(batchOf(batch)), batch);
        }
      } finally {
        model.release();
      }
    });
  }

  it("is sized exactly, and its rows are proven to be independent, whatever the model", async () => {
    const directory = await mkdtemp(join(tmpdir(), "modelport-text-"));
    try {
      for (const name of names) {
        const graph = buildTextGraph(readTextFolder(textFixture(name)));
        const file = join(directory, `${name}.onnx`);
        await writeFile(file, graph.onnx);
        const structure = await scanOnnxFile(file, (location) => join(graph.dataFolder, location));
        const { isClear, rowProof } = footprintOf(structure);
        assert.ok(isClear, name);
        // Exporters compute masks in ways that the proof does not follow.
        if (!name.endsWith("-onnx")) assert.deepEqual(rowProof, { isProven: true }, name);
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
