import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openTokenizer } from "../../../../../src/engine/text/tokens/open-tokenizer.ts";
import {
  type Json,
  openJson,
  patchedJson,
  readTokenGoldens,
} from "../../../../support/text/token-goldens.ts";

const { files } = readTokenGoldens();
const json = (name: string, patch: Json = {}): Json => patchedJson(files[name], patch);

/** Opening it is refused with this message. */
function refuses(file: Json | string, message: RegExp): void {
  assert.throws(() => openJson(file), { kind: "invalid-argument", message });
}

describe("openTokenizer", () => {
  it("refuses a file that is not JSON, or not a tokenizer", () => {
    refuses("{", /^tokenizer\.json is not JSON .*save it again with save_pretrained$/);
    refuses("[]", /malformed: the file is a list, expected an object/);
    refuses({}, /'model' is missing, expected an object/);
    refuses("null", /the file is missing, expected an object/);
  });

  it("refuses parts that it does not know, by their names", () => {
    refuses(
      json("wordpiece", { model: { type: "WordLevel" } }),
      /'model\.type' "WordLevel", which is not supported: expected BPE, Unigram, WordPiece/,
    );
    refuses(json("wordpiece", { normalizer: { type: "Nmt" } }), /'normalizer\.type' "Nmt"/);
    refuses(
      json("wordpiece", {
        normalizer: { type: "Sequence", normalizers: [{ type: "NFC" }, { type: "toString" }] },
      }),
      /'normalizer\.normalizers\[1\]\.type' "toString"/,
    );
    refuses(
      json("wordpiece", { pre_tokenizer: { type: "UnicodeScripts" } }),
      /'pre_tokenizer\.type' "UnicodeScripts"/,
    );
    refuses(
      json("wordpiece", { post_processor: { type: "Other" } }),
      /'post_processor\.type' "Other"/,
    );
    refuses(json("byte-bpe", { model: { dropout: 0.1 } }), /'model\.dropout' 0\.1.*random/);
    refuses(
      json("wordpiece", {
        pre_tokenizer: {
          type: "Split",
          pattern: { Regex: "(" },
          behavior: "Isolated",
          invert: false,
        },
      }),
      /'pre_tokenizer\.pattern\.Regex' "\(", which JavaScript cannot run/,
    );
    refuses(
      json("wordpiece", {
        pre_tokenizer: { type: "Split", pattern: { String: "a" }, behavior: "Kept", invert: false },
      }),
      /'pre_tokenizer\.behavior' "Kept"/,
    );
    refuses(
      json("wordpiece", {
        post_processor: {
          type: "TemplateProcessing",
          single: [{ Sequence: { id: "A", type_id: 0 } }],
          pair: [{ Sequence: { id: "B", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
          special_tokens: {},
        },
      }),
      /'post_processor\.pair' with the texts B, A/,
    );
    refuses(
      json("unigram", {
        pre_tokenizer: {
          type: "Metaspace",
          replacement: "▁",
          prepend_scheme: "always",
          add_prefix_space: false,
        },
      }),
      /contradictory/,
    );
  });

  it("refuses vocabularies that contradict themselves", () => {
    refuses(
      json("wordpiece", { model: { unk_token: "[NONE]" } }),
      /'model\.unk_token' is "\[NONE\]", expected a piece of the vocabulary/,
    );
    refuses(json("wordpiece", { model: { vocab: { a: -1 } } }), /'model\.vocab\.a' is -1/);
    refuses(
      json("wordpiece", { model: { vocab: { a: 2 ** 24 } } }),
      /'model\.vocab\.a' is 16777216/,
    );
    refuses(json("wordpiece", { model: { vocab: {} } }), /at least one piece/);
    refuses(
      json("byte-bpe", { model: { merges: [["a", "no such piece"]] } }),
      /'model\.merges\[0\]' makes or joins "ano such piece"/,
    );
    refuses(json("byte-bpe", { model: { merges: ["a b c"] } }), /a list of pairs/);
    refuses(json("unigram", { model: { unk_id: 100_000 } }), /'model\.unk_id' is 100000/);
    refuses(json("unigram", { model: { vocab: [["a"]] } }), /a list of \[piece, score\]/);
    refuses(
      json("unigram", { normalizer: { type: "Precompiled", precompiled_charsmap: "AAAA" } }),
      /a map of SentencePiece in base64/,
    );
    refuses(
      json("wordpiece", { added_tokens: [{ content: "x" }] }),
      /'added_tokens\[0\]\.id' is missing/,
    );
  });

  it("says which file cannot be read", () => {
    const files = { tokenizer: "/no/such/tokenizer.json", config: undefined } as const;
    assert.throws(
      () =>
        openTokenizer(
          { ...files, maxTokens: 8, truncateSide: "right" },
          { doLowerCase: false, family: "bert" },
        ),
      { kind: "failed-precondition", message: /^tokenizer\.json cannot be read: .*ENOENT/ },
    );
  });

  it("leaves truncation and padding of tokenizer.json to the caller", () => {
    const truncation = { direction: "Right", max_length: 3, strategy: "LongestFirst", stride: 0 };
    const padding = {
      strategy: { Fixed: 9 },
      direction: "Right",
      pad_to_multiple_of: null,
      pad_id: 4,
      pad_type_id: 0,
      pad_token: "x",
    };
    const tokenizer = openJson(json("wordpiece", { truncation, padding }));
    const encoded = tokenizer.encode(
      { text: "a a a a a a" },
      { truncate: "error", addSpecial: true },
    );
    assert.equal("ids" in encoded && encoded.ids.length, 8);
    assert.equal(tokenizer.padId, 4);
  });

  it("takes the padding token from tokenizer_config.json first", () => {
    const file = json("wordpiece");
    assert.equal(openJson(file).padId, 0);
    assert.equal(openJson(file, { config: { pad_token: "[MASK]" } }).padId, 4);
    assert.equal(openJson(file, { config: { pad_token: { content: "[SEP]" } } }).padId, 3);
    assert.equal(openJson(file, { config: {} }).padId, 0);
  });

  it("counts the ids of added tokens and templates in the size of the vocabulary", () => {
    const { vocab } = json("wordpiece")["model"] as { readonly vocab: object };
    const size = Object.keys(vocab).length;
    const added = { single_word: false, lstrip: false, rstrip: false, normalized: false };
    const more = [{ id: 9_999, content: "[MORE]", special: true, ...added }];
    assert.equal(openJson(json("wordpiece")).vocabularySize, size);
    // The id that the library gives it, which is not that of the file.
    const tokenizer = openJson(json("wordpiece", { added_tokens: more }));
    assert.equal(tokenizer.vocabularySize, size + 1);
    const post_processor = { type: "BertProcessing", sep: ["x", 20_000], cls: ["y", 1] };
    assert.equal(openJson(json("wordpiece", { post_processor })).vocabularySize, 20_001);
  });
});
