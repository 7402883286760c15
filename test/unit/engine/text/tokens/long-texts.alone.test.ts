import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openJson, patchedJson, readTokenGoldens } from "../../../../support/text/token-goldens.ts";

const { files } = readTokenGoldens();
/** [name, what is repeated]. Of four times as many characters, anything but linear work takes sixteen times as long. */
const texts: readonly (readonly [string, string])[] = [
  ["one word of letters", "x"],
  ["spaces", " "],
  ["marks on one letter", "\u0301"],
  ["joined emoji", "👩‍👩‍👧‍👦"],
  ["CJK beyond the basic plane", "𠀀"],
  ["words", "human beings, equal. "],
  ["starts of added tokens", "[MASK <mas"],
];

describe("Long texts", () => {
  for (const name of ["wordpiece", "byte-bpe", "modern-bpe", "unigram", "fallback-bpe"]) {
    it(`take ${name} no more than in proportion to their length`, () => {
      const tokenizer = openJson(patchedJson(files[name], {}));
      const cpuMs = (text: string): number => {
        const before = process.cpuUsage();
        tokenizer.encode({ text }, { truncate: 16, addSpecial: true });
        const { user, system } = process.cpuUsage(before);
        return (user + system) / 1000;
      };
      for (const [what, part] of texts) {
        const once = part.repeat(Math.ceil(60_000 / part.length));
        cpuMs(once);
        const [short, long] = [cpuMs(once), cpuMs(once.repeat(4))];
        process.stdout.write(`${name}, ${what}: ${short.toFixed(1)} and ${long.toFixed(1)} ms\n`);
        assert.ok(long < Math.max(short, 5) * 12, `${what}: ${short} and ${long} ms`);
      }
    });
  }
});
