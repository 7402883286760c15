import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type {
  EncodeItem,
  EncodeOptions,
  TextTokenizer,
} from "../../../../../src/engine/text/tokens/text-tokenizer.ts";
import { openJson, patchedJson, readTokenGoldens } from "../../../../support/text/token-goldens.ts";

const { files } = readTokenGoldens();
const wordPiece = openJson(patchedJson(files["wordpiece"], {}), { maxTokens: 8 });
const roberta = openJson(patchedJson(files["byte-bpe"], {}), { family: "roberta" });
const options: EncodeOptions = { truncate: "error", addSpecial: true };

function encode(tokenizer: TextTokenizer, item: EncodeItem, own: Partial<EncodeOptions> = {}) {
  const encoded = tokenizer.encode(item, { ...options, ...own });
  assert.ok("ids" in encoded, JSON.stringify(encoded));
  return { ids: [...encoded.ids], types: [...encoded.types], totalTokens: encoded.totalTokens };
}

function faultOf(item: EncodeItem, own: Partial<EncodeOptions> = {}) {
  const encoded = wordPiece.encode(item, { ...options, ...own });
  return "fault" in encoded ? encoded.fault : encoded;
}

describe("PipelineTokenizer", () => {
  it("takes a text of the limit, and returns a fault for one token more", () => {
    assert.equal(encode(wordPiece, { text: "a a a a a a" }).ids.length, 8);
    assert.deepEqual(faultOf({ text: "a a a a a a a" }), { kind: "too-long", tokens: 9, limit: 8 });
    assert.deepEqual(faultOf({ text: "a a a", pair: "a a a a" }), {
      kind: "too-long",
      tokens: 10,
      limit: 8,
    });
  });

  it("cuts where the caller asks, and says how long the text was", () => {
    const whole = encode(wordPiece, { text: "a b c d e f" });
    const cut = encode(wordPiece, { text: "a b c d e f g" }, { truncate: "model" });
    assert.deepEqual(cut, { ...whole, totalTokens: 9 });
    const short = encode(wordPiece, { text: "a b c d e f" }, { truncate: 4, side: "left" });
    assert.deepEqual(short.ids, [whole.ids[0], ...whole.ids.slice(-3)]);
    assert.equal(encode(wordPiece, { text: "a b c d e f g" }, { truncate: 100 }).ids.length, 8);
    // Special tokens are never cut.
    assert.equal(encode(wordPiece, { text: "a b c" }, { truncate: 1 }).ids.length, 2);
  });

  it("keeps an empty second text a second text", () => {
    assert.deepEqual(encode(wordPiece, { text: "", pair: "" }), {
      ids: [2, 3, 3],
      types: [0, 0, 1],
      totalTokens: 3,
    });
    assert.deepEqual(encode(roberta, { text: "", pair: "" }).ids, [0, 2, 2, 2]);
  });

  it("gives types to families that have them, and to no others", () => {
    assert.deepEqual(encode(wordPiece, { text: "a", pair: "b" }).types, [0, 0, 0, 1, 1]);
    const electra = openJson(patchedJson(files["wordpiece"], {}), { family: "electra" });
    assert.deepEqual(encode(electra, { text: "a", pair: "b" }).types, [0, 0, 0, 1, 1]);
    const mpnet = openJson(patchedJson(files["wordpiece"], {}), { family: "mpnet" });
    assert.deepEqual(encode(mpnet, { text: "a", pair: "b" }).types, [0, 0, 0, 0, 0]);
    const named = { model_input_names: ["input_ids", "attention_mask"] };
    const bare = openJson(patchedJson(files["wordpiece"], {}), { config: named });
    assert.deepEqual(encode(bare, { text: "a", pair: "b" }).types, [0, 0, 0, 0, 0]);
  });

  it("checks the ids that a client brings", () => {
    const limit = wordPiece.vocabularySize;
    assert.deepEqual(encode(wordPiece, { ids: Int32Array.of(5, limit - 1) }).ids, [
      2,
      5,
      limit - 1,
      3,
    ]);
    assert.deepEqual(encode(wordPiece, { ids: Int32Array.of(5) }, { addSpecial: false }).ids, [5]);
    assert.deepEqual(faultOf({ ids: Int32Array.of(5, -1) }), {
      kind: "bad-id",
      tokens: 2,
      limit,
      id: -1,
    });
    assert.deepEqual(faultOf({ ids: Int32Array.of(limit) }), {
      kind: "bad-id",
      tokens: 1,
      limit,
      id: limit,
    });
    assert.deepEqual(faultOf({ ids: Int32Array.of() }, { addSpecial: false }), {
      kind: "empty",
      tokens: 0,
      limit: 8,
    });
    assert.deepEqual(faultOf({ ids: new Int32Array(7) }), {
      kind: "too-long",
      tokens: 9,
      limit: 8,
    });
  });

  it("takes half of a surrogate pair for U+FFFD", () => {
    for (const text of ["\ud800", "a\udc00b", "\udfff\ud800"]) {
      const replaced = text.replaceAll(/\p{Surrogate}/gu, "\ufffd");
      for (const tokenizer of [wordPiece, roberta]) {
        assert.deepEqual(encode(tokenizer, { text }), encode(tokenizer, { text: replaced }));
      }
    }
  });

  it("lowers texts before everything else if the folder says so", () => {
    const cased = openJson(patchedJson(files["wordpiece-cased"], {}));
    const lowered = openJson(patchedJson(files["wordpiece-cased"], {}), { doLowerCase: true });
    assert.deepEqual(
      encode(lowered, { text: "All Σ HUMAN" }),
      encode(cased, { text: "all σ human" }),
    );
    // Special tokens are found as they are spelled.
    assert.deepEqual(encode(lowered, { text: "[SEP]" }).ids, [2, 3, 3]);
  });

  it("gives the places of the tokens that it gives the ids of", () => {
    const text = "All human 日本 beings";
    const places = wordPiece.offsets(text, { addSpecial: true, truncate: "model", side: "left" });
    const { ids } = encode(wordPiece, { text }, { truncate: "model", side: "left" });
    assert.deepEqual(
      places.map(({ id }) => id),
      ids,
    );
    assert.deepEqual(places[0], {
      id: 2,
      piece: "[CLS]",
      start: 0,
      end: 0,
      isSpecial: true,
      word: -1,
    });
    assert.equal(places.length, 8);
    assert.equal(wordPiece.offsets("a ".repeat(20), { addSpecial: false }).length, 20);
  });
});
