import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { readTextFolder } from "../../src/engine/text/folder/text-folder.ts";
import { openTokenizer } from "../../src/engine/text/tokens/open-tokenizer.ts";
import { missingFor, runPython } from "../clients/python-script.ts";
import { readTokenGoldens } from "../support/text/token-goldens.ts";

// A Python with tokenizers, and the folder of a model, such as all-MiniLM-L6-v2.
const { MODELPORT_TEXT_PYTHON, MODELPORT_TEXT_FOLDER } = process.env;
const python = MODELPORT_TEXT_PYTHON || "python3";

interface Answer {
  readonly ids: readonly number[];
  readonly offsets: readonly (readonly [number, number])[];
  /** Of the text and the next one as a pair. */
  readonly pair: readonly number[];
  readonly types: readonly number[];
}

const skip = MODELPORT_TEXT_FOLDER
  ? (await missingFor(python, ["tokenizers"])) || false
  : "MODELPORT_TEXT_FOLDER names no model";

describe("the tokenizer of a real model", { skip }, () => {
  it("gives the ids and offsets of Hugging Face's Rust library", async () => {
    const folder = readTextFolder(MODELPORT_TEXT_FOLDER ?? "", { roots: ["/"] });
    const { texts } = readTokenGoldens();
    const answers = await askRust(folder.tokenizer.tokenizer, texts);
    const tokenizer = openTokenizer(
      { ...folder.tokenizer, maxTokens: 1_000_000 },
      { doLowerCase: false, family: "bert" },
    );
    const options = { truncate: "error", addSpecial: true } as const;
    const wrong = texts.flatMap((text, at): object[] => {
      const one = tokenizer.encode({ text }, options);
      const pair = tokenizer.encode({ text, pair: texts[(at + 1) % texts.length] ?? "" }, options);
      if ("fault" in one || "fault" in pair) return [{ text, one, pair }];
      const places = tokenizer.offsets(text, { addSpecial: true });
      const mine: Answer = {
        ids: [...one.ids],
        offsets: places.map(({ start, end }) => [start, end]),
        pair: [...pair.ids],
        types: [...pair.types],
      };
      return JSON.stringify(mine) === JSON.stringify(answers[at])
        ? []
        : [{ text, mine, rust: answers[at] }];
    });
    assert.deepEqual(wrong.slice(0, 3), [], `${wrong.length} of ${texts.length} texts differ`);
  });
});

async function askRust(tokenizer: string, texts: readonly string[]): Promise<Answer[]> {
  const scratch = mkdtempSync(join(tmpdir(), "tokens-"));
  try {
    const file = join(scratch, "texts.json");
    writeFileSync(file, JSON.stringify(texts));
    const script = join(import.meta.dirname, "rust_tokens.py");
    const args = [script, tokenizer, file];
    const { status, stdout, stderr } = await runPython(python, args, { timeoutMs: 120_000 });
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
