import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import type { TextTokenizer } from "../../../../../src/engine/text/tokens/text-tokenizer.ts";
import {
  openJson,
  patchedJson,
  readTokenGoldens,
  type TokenAnswers,
} from "../../../../support/text/token-goldens.ts";

const goldens = readTokenGoldens();

for (const answers of goldens.answers) {
  describe(`${answers.name}, beside Hugging Face's Rust library`, () => {
    const tokenizer = openJson(patchedJson(goldens.files[answers.file], answers.patch));
    const texts = goldens.texts.filter((_, at) => at % answers.every === 0);

    it("gives the same ids for every text", () => {
      const wrong = texts.flatMap((text, at) => {
        const ids = idsOf(tokenizer, text);
        return ids.join() === answers.ids[at]?.join() ? [] : [{ text, ids, rust: answers.ids[at] }];
      });
      assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} of ${texts.length} texts differ`);
    });

    it("gives the same offsets and words", () => {
      const wrong = texts.flatMap((text, at) => {
        if (isShiftedInRust(answers, text)) return [];
        const places = tokenizer.offsets(text, { addSpecial: false });
        const mine = {
          offsets: places.map(({ start, end }) => [start, end]),
          words: places.map(({ word }) => word),
        };
        const rust = { offsets: absolute(answers.offsets[at] ?? []), words: answers.words[at] };
        return JSON.stringify(mine) === JSON.stringify(rust)
          ? []
          : [{ text, pieces: places.map(({ piece }) => piece), mine, rust }];
      });
      assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} of ${texts.length} texts differ`);
    });

    it("cuts texts and pairs alike, on both sides", () => checkCuts(tokenizer, answers));

    it("gives the same ids for long texts", () => {
      const long = [...goldens.repeated.map(([text, count]) => text.repeat(count)), goldens.long];
      answers.long.forEach(([length, hash], at) => {
        const ids = idsOf(tokenizer, long[at] as string);
        assert.deepEqual([ids.length, hashOf(ids)], [length, hash], `long text ${at}`);
      });
    });
  });
}

function checkCuts(tokenizer: TextTokenizer, answers: TokenAnswers): void {
  const wrong = answers.cut.flatMap((rust) => {
    const pair = rust.pair === null ? {} : { pair: goldens.texts[rust.pair] as string };
    const mine = tokenizer.encode(
      { text: goldens.texts[rust.text] as string, ...pair },
      { truncate: rust.limit ?? "error", addSpecial: true, side: rust.side },
    );
    // Nothing at all is a fault here.
    if ("fault" in mine && mine.fault.kind === "empty" && rust.ids.length === 0) return [];
    const found = "fault" in mine ? mine : { ids: [...mine.ids], types: [...mine.types] };
    const expected = { ids: rust.ids, types: rust.types };
    return JSON.stringify(found) === JSON.stringify(expected) ? [] : [{ rust, found }];
  });
  assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} of ${answers.cut.length} differ`);
}

/** The library loses count of characters that a map of SentencePiece drops at the start of a piece, or behind one that becomes
 *  several: its offsets are too small from there on. Ours are those of the text. */
function isShiftedInRust({ file }: TokenAnswers, text: string): boolean {
  return file === "unigram" && /(?![\t\n\f\r])\p{Cc}/u.test(text);
}

function idsOf(tokenizer: TextTokenizer, text: string): number[] {
  const encoded = tokenizer.encode({ text }, { truncate: "error", addSpecial: false });
  return "fault" in encoded ? [] : [...encoded.ids];
}

function absolute(deltas: readonly number[]): [number, number][] {
  const offsets: [number, number][] = [];
  let last = 0;
  for (let at = 0; at < deltas.length; at += 2) {
    const start = last + (deltas[at] as number);
    last = start + (deltas[at + 1] as number);
    offsets.push([start, last]);
  }
  return offsets;
}

function hashOf(ids: readonly number[]): string {
  return createHash("sha256").update(ids.join(" ")).digest("hex").slice(0, 24);
}
