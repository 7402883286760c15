import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type GroupingStrategy,
  groupEntities,
} from "../../../../../src/engine/text/entities/group-entities.ts";
import {
  openJson,
  readEntityCases,
  readTokenGoldens,
} from "../../../../support/text/token-goldens.ts";

const { files } = readTokenGoldens();
const { labels, cases } = readEntityCases();
const tokenizers = new Map(
  [...new Set(cases.map(({ file }) => file))].map((file) => [file, openJson(files[file] ?? {})]),
);
const strategies: readonly GroupingStrategy[] = ["none", "simple", "first", "average", "max"];

describe("groupEntities", () => {
  for (const strategy of strategies) {
    it(`finds what transformers' pipeline finds with "${strategy}"`, () => {
      let found = 0;
      for (const golden of cases) {
        const tokenizer = tokenizers.get(golden.file);
        assert.ok(tokenizer);
        const { text } = golden;
        const places = tokenizer.offsets(text, { addSpecial: true });
        const logits = Float32Array.from(golden.logits);
        const entities = groupEntities({ text, places, logits, labels, tokenizer, strategy });
        const mine = entities.map(({ start, end, entity }) => [start, end, entity]);
        const theirs = golden[strategy].map(([start, end, entity]) => [start, end, entity]);
        assert.deepEqual(mine, theirs, `${golden.file}: ${text}`);
        entities.forEach(({ score, word, start, end }, at) => {
          assert.ok(Math.abs(score - (golden[strategy][at]?.[3] ?? 0)) < 1e-4, text);
          assert.equal(word, [...text].slice(start, end).join(""));
        });
        found += entities.length;
      }
      assert.ok(found > 200);
    });
  }

  it("leaves out special tokens and the class O, and groups by default", () => {
    const tokenizer = { unknownId: undefined, subwordPrefix: "##" };
    const place = (word: number, start: number, end: number) => ({
      ...{ id: 5, piece: "x", start, end, isSpecial: word < 0, word },
    });
    const places = [place(-1, 0, 0), place(0, 0, 3), place(1, 4, 8), place(2, 9, 11)];
    const names = ["O", "B-PER", "I-PER"];
    const logits = Float32Array.from([0, 9, 0, 0, 9, 0, 0, 0, 9, 9, 0, 0]);
    const entities = groupEntities({
      text: "Ann Ödön is",
      places,
      logits,
      labels: names,
      tokenizer,
    });
    assert.deepEqual(
      entities.map(({ start, end, word, entity }) => ({ start, end, word, entity })),
      [{ start: 0, end: 8, word: "Ann Ödön", entity: "PER" }],
    );
  });
});
