import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import OpenAI, { APIError, BadRequestError, NotFoundError } from "openai";
import { defaultAccess } from "../../src/config/access-settings.ts";
import { openApiDocument } from "../../src/rpc/pages/openapi-document.ts";
import { callRest, type RestCall } from "../support/clients/rest-calls.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";
import { FakeTextTarget, textFacts, vectorOf } from "../support/fakes/fake-text-target.ts";
import { FakeTexts } from "../support/fakes/fake-texts.ts";
import { waitFor } from "../support/wait-for.ts";

const readMaxBytes = 4 * 1024 * 1024;

function ownVector(text: string): Float32Array {
  return Float32Array.from(vectorOf({ text, addSpecial: true, truncate: "error" }, textFacts()));
}

type Json = Record<string, unknown>;

describe("the wires of text models", () => {
  const cleanup = suiteCleanup();
  const embedder = new FakeTextTarget({}, { label: "org/mini" });
  const reranker = new FakeTextTarget(
    { task: "rerank", activation: "sigmoid" },
    { label: "ranker" },
  );
  const labels = ["up", "down"];
  const classifier = new FakeTextTarget(
    { task: "classification", activation: "softmax", labels },
    { label: "mood" },
  );
  const texts = new FakeTexts([embedder, reranker, classifier]);
  let fake: FakeServer;
  let client: OpenAI;
  before(async () => {
    fake = await startFakeServer(cleanup, { texts, readMaxBytes });
    const baseURL = `http://127.0.0.1:${fake.address.port}/v1`;
    client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
  });

  const call = (path: string, options?: RestCall) => callRest(fake.address.port, path, options);
  const post = async (path: string, body: unknown) => {
    const { status, json } = await call(path, { body });
    return { status, json: json as Json };
  };

  describe("OpenAI's", () => {
    it("give its own client the same vectors as base64 and as numbers", async () => {
      const input = ["a b", "c"];
      for (const encoding_format of [undefined, "float", "base64"] as const) {
        const answer = await client.embeddings.create({
          model: "org/mini",
          input,
          ...(encoding_format && { encoding_format }),
        });
        assert.equal(answer.object, "list");
        assert.equal(answer.model, "org/mini");
        assert.deepEqual(answer.usage, { prompt_tokens: 7, total_tokens: 7 });
        for (const [at, { object, index, embedding }] of answer.data.entries()) {
          assert.deepEqual([object, index], ["embedding", at]);
          // Asked for base64, the client leaves it as it is.
          const vector =
            typeof embedding === "string"
              ? new Float32Array(Uint8Array.from(Buffer.from(embedding, "base64")).buffer)
              : Float32Array.from(embedding);
          assert.deepEqual(vector, ownVector(input[at] as string));
        }
      }
    });

    it("take tokens, and cut dimensions", async () => {
      const input = [[5, 7], [9]];
      const answer = await client.embeddings.create({ model: "org/mini", input, dimensions: 3 });
      assert.deepEqual(
        answer.data.map(({ embedding }) => embedding.length),
        [3, 3],
      );
      assert.equal(answer.usage.total_tokens, 3);
    });

    it("list the text models, below /v1 together with KServe's list", async () => {
      const ids: string[] = [];
      for await (const { id } of client.models.list()) ids.push(id);
      assert.deepEqual(ids, ["org/mini", "ranker", "mood"]);
      const { json } = await call("/v1/models");
      const { models, object } = json as Json;
      assert.ok(Array.isArray(models) && models.includes("add-one") && object === "list");
      const below = (await call("/openai/v1/models")).json as { readonly data: readonly Json[] };
      assert.deepEqual(below.data, (json as Json)["data"]);
      const one = (await call("/openai/v1/models/org%2Fmini")).json as Json;
      assert.deepEqual(one, below.data[0]);
      assert.deepEqual(
        [one["object"], one["max_model_len"], one["task"]],
        ["model", 16, "embedding"],
      );
    });

    it("have errors that its client understands", async () => {
      const create = (changes: object) =>
        client.embeddings.create({ model: "org/mini", input: "a", ...changes });
      await assert.rejects(create({ model: "none" }), (error: unknown) => {
        assert.ok(error instanceof NotFoundError);
        assert.deepEqual([error.code, error.type], ["model_not_found", "invalid_request_error"]);
        return /model 'none' is not loaded/.test(error.message);
      });
      const bad: readonly [changes: object, param: string | null, message: RegExp][] = [
        [{ input: "" }, null, /text 0 is empty/],
        [{ input: [] }, "input", /'input' is empty/],
        [{ input: "w ".repeat(40) }, null, /text 0 has 42 tokens, the model takes 16/],
        [{ dimensions: 9 }, null, /dimensions is 9, expected an integer from 1 to 8/],
        [{ dimensions: "two" }, "dimensions", /must be an integer/],
        [{ pooling: "cls" }, "pooling", /'pooling' is not a field that is known here/],
        [{ model: "ranker" }, null, /model 'ranker' ranks documents by a query/],
      ];
      for (const [changes, param, message] of bad) {
        await assert.rejects(create(changes), (error: unknown) => {
          assert.ok(error instanceof BadRequestError, String(error));
          assert.deepEqual([error.param, error.type], [param, "invalid_request_error"]);
          return message.test(error.message);
        });
      }
      await assert.rejects(create({ input: "NaN" }), (error: unknown) => {
        assert.ok(error instanceof APIError);
        return error.status === 500 && error.type === "server_error";
      });
      for (const path of ["/v1/embeddings", "/openai/v1/embeddings"]) {
        const { status, json } = (await call(path, { method: "PUT", body: "{}" })) as {
          readonly status: number;
          readonly json: { readonly error: Json };
        };
        assert.equal(status, 405);
        assert.match(String(json.error["message"]), /PUT is not allowed for this path: use POST/);
      }
      const nothing = (await call("/openai/v1/nothing")).json as { readonly error: Json };
      assert.match(String(nothing.error["message"]), /there is nothing at \/openai\/v1\/nothing/);
    });

    it("read large bodies elsewhere, compressed or not, and name what is wrong in them", async () => {
      const input = Array.from({ length: 2_048 }, (_, at) => `${"x".repeat(200)} ${at}`);
      const body = { model: "org/mini", input, encoding_format: "base64" };
      const plain = await call("/v1/embeddings", { body });
      const sent = gzipSync(JSON.stringify(body));
      const headers = { "content-encoding": "gzip" };
      const packed = await call("/v1/embeddings", { body: sent, headers });
      assert.equal(plain.status, 200);
      assert.deepEqual(packed.json, plain.json);
      const { data } = plain.json as { readonly data: readonly { readonly embedding: string }[] };
      const last = Buffer.from(data.at(-1)?.embedding ?? "", "base64");
      assert.deepEqual(
        new Float32Array(Uint8Array.from(last).buffer),
        ownVector(input.at(-1) as string),
      );
      const million = JSON.stringify({ model: "org/mini", input: new Array(900_000).fill("") });
      const cases: readonly [body: string, status: number, param: string | null, why: RegExp][] = [
        [million, 400, "input", /900000 items, expected at most 2048/],
        [
          `{"model":"org/mini","input":[${"1,".repeat(200_000)}null]}`,
          400,
          "input[200000]",
          /token/,
        ],
        [
          JSON.stringify({ model: "org/mini", input: "x".repeat(1_100_000) }),
          400,
          null,
          /1100000 bytes/,
        ],
        ["x".repeat(readMaxBytes + 1), 413, null, /larger than MAX_MESSAGE_BYTES/],
        [`{"model":"org/mini","input":"${"x".repeat(300_000)}`, 400, null, /is not JSON/],
      ];
      for (const [text, status, param, why] of cases) {
        const answer = await post("/v1/embeddings", text);
        assert.equal(answer.status, status);
        const error = answer.json["error"] as Json;
        assert.equal(error["param"], param);
        assert.match(String(error["message"]), why);
      }
    });

    it("stop the work when the client leaves", async () => {
      const gate = Promise.withResolvers<void>();
      embedder.gate = gate.promise;
      const before = embedder.runs.length;
      const caller = new AbortController();
      const answer = client.embeddings.create(
        { model: "org/mini", input: new Array<string>(2_000).fill("some text") },
        { signal: caller.signal },
      );
      await waitFor(() => embedder.runs.length > before, 5_000);
      caller.abort();
      await assert.rejects(answer);
      await waitFor(() => embedder.runs.at(-1)?.signal.aborted === true, 5_000);
      embedder.gate = Promise.resolve();
      gate.resolve();
    });
  });

  describe("for ranking", () => {
    const body = { query: "red blue", documents: ["x", { text: "red blue" }, "red"] };
    const scoreOf = (shared: number) => 1 / (1 + Math.exp(1 - shared));

    it("sort documents in the form of Cohere and Jina", async () => {
      for (const path of ["/v1/rerank", "/v2/rerank", "/rerank", "/openai/v1/rerank"]) {
        const { status, json } = await post(path, { ...body, model: "ranker", top_n: 2 });
        assert.equal(status, 200);
        assert.deepEqual(json["results"], [
          { index: 1, relevance_score: scoreOf(2) },
          { index: 2, relevance_score: scoreOf(1) },
        ]);
        assert.equal(json["model"], "ranker");
        const meta = json["meta"] as { readonly api_version: Json };
        assert.equal(meta.api_version["version"], path === "/v2/rerank" ? "2" : "1");
        assert.deepEqual(json["usage"], { prompt_tokens: 16, total_tokens: 16 });
      }
    });

    it("return documents where they are asked to, and need no model where only one ranks", async () => {
      const { json } = await post("/v1/rerank", { ...body, return_documents: true });
      const [best] = json["results"] as readonly Json[];
      assert.deepEqual(best?.["document"], { text: "red blue" });
      const byCosine = await post("/v1/rerank", { ...body, model: "org/mini" });
      assert.equal((byCosine.json["results"] as readonly Json[])[0]?.["index"], 1);
    });

    it("sort texts in the form of TEI", async () => {
      const asked = { query: "red blue", texts: ["x", "red blue"], return_text: true };
      const { json } = await post("/rerank", asked);
      assert.deepEqual(json, [
        { index: 1, score: scoreOf(2), text: "red blue" },
        { index: 0, score: scoreOf(0), text: "x" },
      ]);
      const raw = await post("/rerank", { ...asked, raw_scores: true, return_text: false });
      assert.deepEqual(raw.json, [
        { index: 1, score: 1 },
        { index: 0, score: -1 },
      ]);
    });

    it("have the errors of each", async () => {
      const long = { query: "w ".repeat(30), texts: ["a"] };
      const tei = await post("/rerank", long);
      assert.equal(tei.status, 400);
      assert.match(String(tei.json["error"]), /document 0 with the query has 33 tokens/);
      assert.equal(tei.json["error_type"], "Validation");
      const cohere = await post("/v2/rerank", { query: "a", documents: [] });
      assert.equal(cohere.status, 400);
      assert.deepEqual(Object.keys(cohere.json), ["message", "detail"]);
      assert.match(String(cohere.json["message"]), /'documents' is empty/);
      const cut = await post("/v1/rerank", { query: long.query, documents: ["a"] });
      assert.equal(cut.status, 200);
      const perDocument = await post("/v2/rerank", { ...body, max_tokens_per_doc: 4 });
      assert.match(
        String(perDocument.json["message"]),
        /expected at least 16, where model 'ranker'/,
      );
      assert.equal((await post("/v2/rerank", { ...body, max_tokens_per_doc: 4_096 })).status, 200);
    });
  });

  describe("TEI's", () => {
    it("embed, compare, classify and tokenise", async () => {
      const embedded = await post("/embed", { inputs: ["a b", "c"] });
      const expected = ["a b", "c"].map((text) => [...ownVector(text)]);
      assert.deepEqual(embedded.json, expected);
      assert.deepEqual((await post("/embed", { inputs: "c" })).json, [expected[1]]);
      const inputs = { source_sentence: "a b", sentences: ["a b", "c"] };
      const similar = (await post("/similarity", { inputs })).json as unknown as readonly number[];
      assert.ok(similar.length === 2 && Math.abs((similar[0] as number) - 1) < 1e-6);
      const one = (await post("/predict", { inputs: "up up down" })).json;
      const batch = (await post("/predict", { inputs: [["up up down"], ["down", "up"]] })).json;
      assert.deepEqual((batch as unknown as readonly unknown[])[0], one);
      const [best] = one as unknown as readonly Json[];
      assert.equal(best?.["label"], "up");
      assert.ok(Math.abs(Number(best["score"]) - 1 / (1 + Math.exp(-1))) < 1e-9);
      const tokens = await post("/tokenize?model=mood", { inputs: "🙂 b" });
      assert.deepEqual(tokens.json, [
        [
          { id: 0, text: "[CLS]", special: true, start: null, stop: null },
          { id: 1, text: "🙂", special: false, start: 0, stop: 1 },
          { id: 2, text: "b", special: false, start: 2, stop: 3 },
          { id: 3, text: "[SEP]", special: true, start: null, stop: null },
        ],
      ]);
    });

    it("say what a model is, and ask which one where there are several", async () => {
      const info = (await call("/info?model=mood")).json as Json;
      assert.deepEqual(info["model_type"], {
        classifier: { id2label: { 0: "up", 1: "down" }, label2id: { up: 0, down: 1 } },
      });
      assert.deepEqual([info["max_input_length"], info["max_client_batch_size"]], [16, 8_192]);
      const unclear = await call("/info");
      assert.equal(unclear.status, 400);
      assert.deepEqual(unclear.json, {
        error: "there are several text models, 'org/mini', 'ranker', 'mood': name one as 'model'",
        error_type: "Validation",
      });
      const named = await call("/info", { headers: { "mm-model-id": "ranker" } });
      assert.ok("reranker" in ((named.json as Json)["model_type"] as Json));
      assert.equal((await post("/embed", { inputs: "a", model: "none" })).status, 404);
    });

    it("cut only what they are asked to", async () => {
      const inputs = "w ".repeat(40);
      const { status, json } = await post("/embed", { inputs });
      assert.equal(status, 400);
      assert.match(String(json["error"]), /text 0 has 42 tokens, the model takes 16/);
      assert.equal((await post("/embed", { inputs, truncate: true })).status, 200);
    });
  });

  it("are named in the log, and described as OpenAPI while there is a model for them", async () => {
    await post("/v1/embeddings", { model: "none", input: "a" });
    const line = fake.logged.findLast(({ msg }) => msg === "call failed");
    assert.equal(line?.["rpc"], "POST /v1/embeddings");
    const description = { platform: "p", versions: [], inputs: [], outputs: [] };
    const models = texts.serving().map(({ id, facts }) => {
      return { name: id, version: "", description: { ...description, text: facts } };
    });
    const pathsOf = (documented: typeof models) =>
      Object.keys(openApiDocument("1", documented)["paths"] as Json).filter(
        (path) => !path.startsWith("/v2/models") && !path.startsWith("/v2/repository"),
      );
    const paths = pathsOf(models);
    const called = [
      "/v1/embeddings",
      "/embed",
      "/similarity",
      "/v1/rerank",
      "/predict",
      "/tokenize",
    ];
    for (const path of called) assert.ok(paths.includes(path), path);
    assert.ok(!pathsOf(models.slice(1)).includes("/v1/embeddings"));
    assert.ok(!pathsOf([]).includes("/tokenize"));
  });
});

describe("a server that gives access by token", () => {
  const cleanup = suiteCleanup();

  it("asks clients of text models for theirs, in the form of each wire", async () => {
    const texts = new FakeTexts([new FakeTextTarget()]);
    const access = { rules: { ...defaultAccess.rules, inference: "authenticated" } } as const;
    const { address } = await startFakeServer(cleanup, { texts, access });
    const body = { model: "m", input: "a" };
    const openAi = await callRest(address.port, "/v1/embeddings", { body });
    assert.ok(openAi.status === 401 || openAi.status === 403, String(openAi.status));
    assert.ok(typeof ((openAi.json as Json)["error"] as Json)["type"] === "string");
    const tei = await callRest(address.port, "/embed", { body: { inputs: "a" } });
    assert.equal(tei.status, openAi.status);
    assert.equal((tei.json as Json)["error_type"], "Backend");
  });
});
