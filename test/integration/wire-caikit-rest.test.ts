import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { callRest } from "../support/clients/rest-calls.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";
import { WordTexts } from "../support/fakes/word-texts.ts";

const producer_id = { name: "modelport", version: "1.2.3" };

describe("Caikit's REST", () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  before(async () => {
    fake = await startFakeServer(cleanup, { texts: new WordTexts() });
  });

  const call = (path: string, body?: unknown, headers: Record<string, string> = {}) =>
    callRest(fake.address.port, path, { body, headers });
  const task = (name: string, model_id: string, inputs: unknown, parameters?: object) =>
    call(`/api/v1/task/${name}`, { model_id, inputs, ...(parameters && { parameters }) });

  const documents = [{ text: "bread", id: 7 }, { _text: "some rain" }];
  const answers: [string, string, unknown, object | undefined, object][] = [
    [
      "embedding",
      "embedding",
      "so be it",
      undefined,
      { result: { data: { values: [6, 3, 1] } }, producer_id, input_token_count: 5 },
    ],
    [
      "embedding-tasks",
      "embedding",
      ["a", "one two three four five six seven"],
      { truncate_input_tokens: 4 },
      {
        results: { vectors: [{ data: { values: [1, 1, 1] } }, { data: { values: [6, 2, 1] } }] },
        producer_id,
        input_token_count: 7,
      },
    ],
    [
      "sentence-similarity",
      "embedding",
      { source_sentence: "a", sentences: ["b"] },
      undefined,
      { result: { scores: [1.0000000000000002] }, producer_id, input_token_count: 6 },
    ],
    [
      "sentence-similarity-tasks",
      "embedding",
      { source_sentences: ["a", "b"], sentences: ["c"] },
      undefined,
      {
        results: [{ scores: [1.0000000000000002] }, { scores: [1.0000000000000002] }],
        producer_id,
        input_token_count: 9,
      },
    ],
    [
      "rerank",
      "rerank",
      { query: "rain", documents },
      { return_documents: false },
      {
        result: {
          query: "rain",
          scores: [
            { document: null, index: 1, score: 1, text: "some rain" },
            { document: null, index: 0, score: 0, text: "bread" },
          ],
        },
        producer_id,
        input_token_count: 11,
      },
    ],
    [
      "rerank-tasks",
      "rerank",
      { queries: ["rain"], documents },
      { top_n: 1, return_queries: false, return_text: false },
      {
        results: [
          { query: null, scores: [{ document: documents[1], index: 1, score: 1, text: null }] },
        ],
        producer_id,
        input_token_count: 11,
      },
    ],
    [
      "text-classification",
      "classification",
      "a",
      {},
      {
        results: [
          { label: "long", score: 0.25 },
          { label: "short", score: 0.75 },
        ],
      },
    ],
    [
      "token-classification",
      "token-classification",
      "an Owl",
      { threshold: 0.1 },
      {
        results: [
          {
            start: 3,
            end: 6,
            word: "Owl",
            entity: "NAME",
            entity_group: "NAME",
            score: 0.5,
            token_count: 4,
          },
        ],
      },
    ],
    [
      "tokenization",
      "embedding",
      "Hi you",
      undefined,
      {
        results: [
          { start: 0, end: 2, text: "Hi" },
          { start: 3, end: 6, text: "you" },
        ],
        token_count: 4,
      },
    ],
  ];
  for (const [name, model, inputs, parameters, answer] of answers) {
    it(`answers the task ${name}`, async () => {
      const { status, json } = await task(name, model, inputs, parameters);
      assert.deepEqual({ status, json }, { status: 200, json: answer });
    });
  }

  it("returns the digits of long integers in documents", async () => {
    const body = `{"model_id":"rerank","inputs":{"query":"a","documents":[{"n":12345678901234567890}]}}`;
    const { bytes } = await call("/api/v1/task/rerank", body);
    assert.match(bytes.toString(), /"document":\{"n":12345678901234567890\}/);
  });

  it("does not mind that the body has no content type, or another", async () => {
    const body = JSON.stringify({ model_id: "embedding", inputs: "a" });
    for (const headers of [{}, { "content-type": "text/plain" }]) {
      const { status } = await call("/api/v1/task/embedding", Buffer.from(body), headers);
      assert.equal(status, 200);
    }
  });

  const wrong: [string, string, unknown, number, RegExp][] = [
    ["half of JSON", "embedding", '{"model_id":', 422, /not JSON/],
    ["an array", "embedding", [], 422, /^the request is a list, expected an object$/],
    ["no model", "embedding", { inputs: "a" }, 400, /^Missing required model ID/],
    [
      "a model that is none",
      "embedding",
      { model_id: 7, inputs: "a" },
      422,
      /^model_id is a number/,
    ],
    ["no inputs", "embedding", { model_id: "embedding" }, 422, /no inputs/],
    ["a list for a text", "embedding", { model_id: "embedding", inputs: ["a"] }, 422, /a list/],
    [
      "a text that is none",
      "embedding-tasks",
      { model_id: "embedding", inputs: ["a", 7] },
      422,
      /^inputs\[1\]/,
    ],
    [
      "a parameter that nobody knows",
      "embedding",
      { model_id: "embedding", inputs: "a", parameters: { truncate: true } },
      422,
      /^parameters has the unknown field 'truncate', expected truncate_input_tokens$/,
    ],
    [
      "a limit that is none",
      "embedding",
      { model_id: "embedding", inputs: "a", parameters: { truncate_input_tokens: 1.5 } },
      422,
      /^parameters\.truncate_input_tokens is a number, expected an integer$/,
    ],
    [
      "documents that are texts",
      "rerank",
      { model_id: "rerank", inputs: { query: "a", documents: ["b"] } },
      422,
      /^inputs\.documents\[0\] is a string, expected an object/,
    ],
    [
      "no documents",
      "rerank",
      { model_id: "rerank", inputs: { query: "a", documents: [] } },
      400,
      /^Cannot rerank without a query and at least one document$/,
    ],
    [
      "a document whose text is none",
      "rerank",
      { model_id: "rerank", inputs: { query: "a", documents: [{ text: 7 }] } },
      400,
      /^the text of document 0 is number/,
    ],
    [
      "a text that is too long",
      "embedding",
      { model_id: "embedding", inputs: "one two three four five six seven" },
      400,
      /exceeds the maximum sequence length for this model \(8\) for text at index: 0\./,
    ],
    ["another task", "embedding", { model_id: "rerank", inputs: "a" }, 400, /made for rerank/],
    ["no text model", "embedding", { model_id: "add-one", inputs: "a" }, 400, /not a text model/],
    ["an unknown model", "embedding", { model_id: "nobody", inputs: "a" }, 404, /not loaded/],
  ];
  for (const [what, name, body, status, details] of wrong) {
    it(`refuses in its own form: ${what}`, async () => {
      const answer = await call(`/api/v1/task/${name}`, body, { "x-request-id": "call-1" });
      assert.equal(answer.status, status, answer.bytes.toString());
      const failure = answer.json as { details: string };
      assert.match(failure.details, details);
      assert.deepEqual(failure, { details: failure.details, code: status, id: "call-1" });
    });
  }

  it("refuses unknown tasks and methods in its own form", async () => {
    const unknown = await call("/api/v1/task/dreaming", {});
    assert.equal(unknown.status, 404);
    assert.match((unknown.json as { details: string }).details, /nothing at/);
    const get = await call("/api/v1/task/embedding");
    assert.equal(get.status, 405);
    assert.deepEqual(Object.keys(get.json as object), ["details", "code", "id"]);
  });

  it("refuses what would repeat too much", async () => {
    const text = "a".repeat(40_000);
    const queries = new Array(900).fill("q");
    const body = { queries, documents: [{ text }] };
    const { status, json } = await task("rerank-tasks", "rerank", body);
    assert.equal(status, 400);
    assert.match((json as { details: string }).details, /turn off return_documents/);
    const alone = await task("rerank-tasks", "rerank", body, {
      return_documents: false,
      return_text: false,
      truncate_input_tokens: -1,
    });
    assert.equal(alone.status, 200);
  });

  it("shows what runs here", async () => {
    const models = await call("/info/models?model_ids=add-one");
    assert.deepEqual(models.json, {
      models: [
        { name: "add-one", size: 123_456_789, metadata: { platform: "fake_fake" }, loaded: true },
      ],
    });
    assert.equal((await call("/info/models?model_ids=nobody")).status, 404);
    const version = await call("/info/version");
    assert.deepEqual(version.json, { runtime_version: "1.2.3", python_packages: {} });
    const health = await call("/health");
    assert.deepEqual([health.status, health.bytes.toString()], [200, "OK"]);
    fake.models.ready = false;
    assert.equal((await call("/health")).status, 503);
    fake.models.ready = true;
  });
});
