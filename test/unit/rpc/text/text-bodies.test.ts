import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FieldError } from "../../../../src/rpc/failures/field-error.ts";
import { decodeTextBody, type TextBodyName } from "../../../../src/rpc/text/text-bodies.ts";

function read<Name extends TextBodyName>(name: Name, body: unknown) {
  return decodeTextBody(name, Buffer.from(JSON.stringify(body)));
}

function refuses(name: TextBodyName, body: unknown, field: string, message: RegExp): void {
  assert.throws(
    () => read(name, body),
    (error: unknown) => {
      assert.ok(error instanceof FieldError, String(error));
      assert.deepEqual([error.kind, error.field], ["invalid-argument", field]);
      assert.match(error.message, message);
      return true;
    },
  );
}

describe("a body of /v1/embeddings", () => {
  it("has a text, texts, tokens, or lists of tokens", () => {
    const textsOf = (input: unknown) => read("embeddings", { model: "m", input }).call.texts;
    assert.deepEqual(textsOf("a"), ["a"]);
    assert.deepEqual(textsOf(["a", "b"]), ["a", "b"]);
    assert.deepEqual(textsOf([5, 7]), [Int32Array.of(5, 7)]);
    assert.deepEqual(textsOf([[5], [7, 9]]), [Int32Array.of(5), Int32Array.of(7, 9)]);
  });

  it("has numbers as JSON unless it asks for base64, and an error for texts that are too long", () => {
    const plain = read("embeddings", { model: "m", input: "a", user: "u", dimensions: null });
    assert.equal(plain.format, "float");
    assert.equal(plain.call.truncate, "error");
    assert.equal(plain.call.dimensions, undefined);
    const asked = { encoding_format: "base64", dimensions: 3, truncate_prompt_tokens: -1 };
    const { format, call } = read("embeddings", { model: "m", input: "a", ...asked });
    assert.deepEqual([format, call.dimensions, call.truncate], ["base64", 3, "model"]);
  });

  it("is refused by the field that is wrong, or unknown", () => {
    const good = { model: "m", input: "a" };
    const cases: readonly [body: unknown, field: string, message: RegExp][] = [
      [{ input: "a" }, "model", /^'model' is missing/],
      [{ model: 5, input: "a" }, "model", /must be a string/],
      [{ model: "m" }, "input", /^'input' is missing/],
      [{ model: "m", input: [] }, "input", /is empty, expected at least one/],
      [
        { model: "m", input: {} },
        "input",
        /must be a string, a list of strings, or a list of tokens/,
      ],
      [{ model: "m", input: ["a", 5] }, "input[1]", /must be a string or a list of tokens/],
      [{ model: "m", input: [5, "a"] }, "input[1]", /must be a token, from 0 to 2147483647/],
      [{ model: "m", input: [[-1]] }, "input[0][0]", /must be a token/],
      [{ model: "m", input: [[2 ** 31]] }, "input[0][0]", /must be a token/],
      [
        { model: "m", input: new Array(2_049).fill("a") },
        "input",
        /2049 items, expected at most 2048/,
      ],
      [{ ...good, encoding_format: "int8" }, "encoding_format", /must be 'float' or 'base64'/],
      [{ ...good, dimensions: 0 }, "dimensions", /must be an integer of at least 1/],
      [{ ...good, truncate_prompt_tokens: 0 }, "truncate_prompt_tokens", /must be -1 or above 0/],
      [{ ...good, input_type: "query" }, "input_type", /is not a field that is known here/],
      [{ ...good, user: 7 }, "user", /must be a string/],
    ];
    for (const [body, field, message] of cases) refuses("embeddings", body, field, message);
  });

  it("is refused if it is not a JSON object in UTF-8", () => {
    const bad: readonly [body: string | Uint8Array, message: RegExp][] = [
      ["[]", /must be a JSON object/],
      ['{"model":"m","input":NaN}', /the request is not JSON/],
      [Buffer.from('{"model":"m","input":"a\xff"}', "latin1"), /the request is not UTF-8/],
      ["", /the request is not JSON/],
    ];
    for (const [body, message] of bad) {
      const sent = typeof body === "string" ? Buffer.from(body) : body;
      assert.throws(() => decodeTextBody("embeddings", sent), {
        kind: "invalid-argument",
        message,
      });
    }
  });
});

describe("a body of /rerank", () => {
  it("is Cohere's and Jina's with documents, which are cut where they are too long", () => {
    const body = { query: "q", documents: ["a", { text: "b", title: "t" }], top_n: 1 };
    const { form, call, topN, returnsDocuments } = read("rerank", body);
    assert.deepEqual([form, topN, returnsDocuments], ["cohere", 1, false]);
    assert.deepEqual(call.documents, ["a", "b"]);
    assert.equal(call.truncate, "model");
    assert.equal(read("rerank", { ...body, truncate: false }).call.truncate, "error");
  });

  it("is TEI's with texts, which are refused where they are too long", () => {
    const body = { query: "q", texts: ["a"], raw_scores: true, return_text: true };
    const { form, call, returnsDocuments } = read("rerank", body);
    assert.deepEqual([form, returnsDocuments, call.raw], ["tei", true, true]);
    assert.equal(call.truncate, "error");
    const cut = { ...body, truncate: true, truncation_direction: "Left" };
    const { truncate, truncateSide } = read("rerank", cut).call;
    assert.deepEqual([truncate, truncateSide], ["model", "left"]);
  });

  it("is refused by the field that is wrong, or unknown", () => {
    const good = { query: "q", documents: ["a"] };
    refuses("rerank", { documents: ["a"] }, "query", /is missing/);
    refuses("rerank", { query: "q" }, "documents", /is missing/);
    refuses("rerank", { query: "q", documents: [] }, "documents", /is empty/);
    refuses("rerank", { query: "q", documents: "a" }, "documents", /must be a list/);
    refuses("rerank", { query: "q", documents: [{ title: "t" }] }, "documents[0]", /'text'/);
    refuses("rerank", { ...good, top_n: 0 }, "top_n", /at least 1/);
    refuses("rerank", { ...good, rank_fields: ["title"] }, "rank_fields", /not a field/);
    refuses("rerank", { ...good, texts: ["a"] }, "texts", /not a field/);
    refuses("rerank", { query: "q", texts: ["a"], top_n: 1 }, "top_n", /not a field/);
  });
});

describe("bodies of TEI", () => {
  it("have one text, a pair, or a batch of both to predict", () => {
    const predict = (inputs: unknown) => {
      const { call, isBatch } = read("tei-predict", { inputs });
      return { texts: call.texts, isBatch };
    };
    assert.deepEqual(predict("a"), { texts: ["a"], isBatch: false });
    assert.deepEqual(predict(["a"]), { texts: ["a"], isBatch: false });
    assert.deepEqual(predict(["a", "b"]), { texts: [["a", "b"]], isBatch: false });
    const batch = { texts: ["a", ["b", "c"]], isBatch: true };
    assert.deepEqual(predict([["a"], ["b", "c"]]), batch);
    refuses("tei-predict", { inputs: ["a", "b", "c"] }, "inputs", /list of such lists/);
    refuses("tei-predict", { inputs: [["a"], 5] }, "inputs[1]", /must be a string/);
  });

  it("have what their routes need, and nothing unknown", () => {
    const similar = { source_sentence: "a", sentences: ["b", "c"] };
    const { call } = read("tei-similarity", { inputs: similar, parameters: { truncate: true } });
    assert.deepEqual([call.source, call.sentences, call.truncate], ["a", ["b", "c"], "model"]);
    const tokenize = read("tei-tokenize", { inputs: "a", add_special_tokens: false });
    assert.deepEqual(tokenize.call, { texts: ["a"], addSpecial: false });
    const embed = read("tei-embed", { inputs: "a", normalize: true, model: "m" });
    assert.deepEqual([embed.model, embed.call.normalise], ["m", true]);
    refuses(
      "tei-similarity",
      { inputs: { sentences: ["b"] } },
      "inputs.source_sentence",
      /missing/,
    );
    refuses(
      "tei-similarity",
      { inputs: similar, parameters: { top: 1 } },
      "parameters.top",
      /known/,
    );
    refuses("tei-tokenize", { inputs: ["a", 5] }, "inputs[1]", /must be a string/);
    refuses("tei-embed", { inputs: "a", pooling: "cls" }, "pooling", /known/);
  });
});
