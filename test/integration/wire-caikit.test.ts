import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { EmbeddingResultSchema } from "../../gen/caikit/caikit-nlp_pb.ts";
import { InfoService } from "../../gen/caikit/info-service_pb.ts";
import { NlpService, type RerankTaskRequestSchema } from "../../gen/caikit/nlp-service_pb.ts";
import { ModelRuntime } from "../../gen/mmesh/model-runtime_pb.ts";
import { serviceOfDomain } from "../../src/rpc/caikit/domain.ts";
import { type Client, clientKinds } from "../support/clients/clients.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";
import { WordTexts } from "../support/fakes/word-texts.ts";

const { method } = NlpService;
const producerId = { name: "modelport", version: "1.2.3" };
const long = "one two three four five six seven";
const tooLong =
  "Token sequence length (9 with start/end tokens) exceeds the maximum sequence length for this model (8) for " +
  "text at index: 0. Remedy: shorten it, or set truncate_input_tokens to a negative number, which cuts it";

const to = (model: string) => ({ header: { "mm-model-id": model } });

describe("Caikit's services", () => {
  const cleanup = suiteCleanup();
  const texts = new WordTexts();
  let fake: FakeServer;
  before(async () => {
    fake = await startFakeServer(cleanup, { texts });
  });

  for (const { name, skip, open } of clientKinds) {
    describe(`over ${name}`, { skip: skip ?? false }, () => {
      let client: Client;
      before(() => {
        client = open({ port: fake.address.port });
        cleanup.after(async () => client.close());
      });

      it("embed", async () => {
        const answer = await client.call(
          method.embeddingTaskPredict,
          { text: "so be it" },
          to("embedding"),
        );
        const data = { dataNpfloat32sequence: { values: [6, 3, 1] } };
        const message = { result: data, producerId, inputTokenCount: "5" };
        assert.deepEqual(answer, { ok: true, message });
      });

      it("embed many", async () => {
        const answer = await client.call(
          method.embeddingTasksPredict,
          { texts: ["a", "b c"], truncateInputTokens: -1n },
          to("embedding"),
        );
        const vectors = [
          [1, 1, 1],
          [2, 2, 1],
        ].map((values) => ({
          dataNpfloat32sequence: { values },
        }));
        const message = { results: { vectors }, producerId, inputTokenCount: "7" };
        assert.deepEqual(answer, { ok: true, message });
      });

      it("classify", async () => {
        const answer = await client.call(
          method.textClassificationTaskPredict,
          { text: long },
          to("classification"),
        );
        const results = [
          { label: "long", score: 0.75 },
          { label: "short", score: 0.25 },
        ];
        assert.deepEqual(answer, { ok: true, message: { results } });
      });

      it("name the text that is too long", async () => {
        const answer = await client.call(
          method.embeddingTaskPredict,
          { text: long },
          to("embedding"),
        );
        assert.deepEqual(answer, { ok: false, code: "InvalidArgument", message: tooLong });
      });

      it("say NOT_FOUND of a model that is not loaded, and nothing else", async () => {
        const call = (model: string) =>
          client.call(method.embeddingTaskPredict, { text: "a" }, to(model));
        const codes = [];
        for (const model of ["nobody", "add-one", "classification"]) {
          const answer = await call(model);
          codes.push(answer.ok ? "ok" : answer.code);
        }
        assert.deepEqual(codes, ["NotFound", "FailedPrecondition", "InvalidArgument"]);
      });

      it("ask for the model's id", async () => {
        const answer = await client.call(method.embeddingTaskPredict, { text: "a" });
        const message = "Missing required model ID: send it as the metadata mm-model-id";
        assert.deepEqual(answer, { ok: false, code: "InvalidArgument", message });
      });
    });
  }

  describe("over gRPC", () => {
    const open = () =>
      createClient(
        NlpService,
        createGrpcTransport({ baseUrl: `http://127.0.0.1:${fake.address.port}` }),
      );
    const headers = (model: string) => ({ headers: { "mm-model-id": model } });
    const rerank = (request: MessageInitShape<typeof RerankTaskRequestSchema>, model = "rerank") =>
      open().rerankTaskPredict(request, headers(model));

    const documents = [
      { text: "bread and wine", id: 7 },
      { _text: "rain and wind", text: "" },
      { title: "none" },
    ];

    it("rank documents, and return them as they came", async () => {
      const { result } = await rerank({ query: "rain wind", documents });
      assert.equal(result?.query, "rain wind");
      const found = result?.scores.map(({ index, score, text, document }) => {
        return { index, score, text, document };
      });
      assert.deepEqual(found, [
        { index: 1n, score: 2, text: "rain and wind", document: documents[1] },
        { index: 0n, score: 0, text: "bread and wine", document: documents[0] },
        { index: 2n, score: 0, text: "", document: documents[2] },
      ]);
    });

    it("leave out of a ranking what the request does without", async () => {
      const wishes = { topN: 1n, returnDocuments: false, returnQuery: false, returnText: false };
      const { result } = await rerank({ query: "wine", documents, ...wishes });
      assert.equal(result?.query, undefined);
      const [first, ...others] = result?.scores ?? [];
      assert.deepEqual(others, []);
      assert.deepEqual([first?.index, first?.score], [0n, 1]);
      assert.deepEqual([first?.text, first?.document], [undefined, undefined]);
    });

    it("rank for several queries with a model of embeddings, each text embedded once", async () => {
      texts.calls.length = 0;
      const asked = { queries: ["a", "a b"], documents: [{ text: "c" }, { text: "c d" }] };
      const { results } = await open().rerankTasksPredict(asked, headers("embedding"));
      assert.deepEqual(
        results.map(({ query, scores }) => [query, scores.map(({ index }) => index)]),
        [
          ["a", [0n, 1n]],
          ["a b", [1n, 0n]],
        ],
      );
      assert.deepEqual(
        texts.calls.map(({ method, call }) => [method, (call as { texts: unknown }).texts]),
        [
          ["embed", ["a", "a b"]],
          ["embed", ["c", "c d"]],
        ],
      );
    });

    it("compare sentences", async () => {
      const asked = { sourceSentences: ["a", "a b"], sentences: ["c", "c d", "e"] };
      const { results, inputTokenCount } = await open().sentenceSimilarityTasksPredict(
        asked,
        headers("embedding"),
      );
      assert.equal(inputTokenCount, 17n);
      const other = 5 / 3 / Math.sqrt(3);
      assert.deepEqual(
        results.map(({ scores }) => scores.map((score) => score.toFixed(12))),
        [
          [1, other, 1],
          [other, 1, other],
        ].map((scores) => scores.map((score) => score.toFixed(12))),
      );
    });

    it("find entities by code points, above the threshold", async () => {
      const client = open();
      const text = "😀 hi Ünal";
      const model = headers("token-classification");
      const { results } = await client.tokenClassificationTaskPredict({ text }, model);
      const [found, ...others] = results;
      assert.deepEqual(others, []);
      assert.deepEqual(
        [
          found?.start,
          found?.end,
          found?.word,
          found?.entity,
          found?.entityGroup,
          found?.tokenCount,
        ],
        [5n, 9n, "Ünal", "NAME", "NAME", 5n],
      );
      const none = await client.tokenClassificationTaskPredict({ text, threshold: 0.9 }, model);
      assert.deepEqual(none.results, []);
    });

    it("tokenise, and count the special tokens too", async () => {
      const { results, tokenCount } = await open().tokenizationTaskPredict(
        { text: "😀 Hi" },
        headers("rerank"),
      );
      assert.equal(tokenCount, 4n);
      assert.deepEqual(
        results.map(({ start, end, text }) => [start, end, text]),
        [
          [0n, 1n, "😀"],
          [2n, 4n, "Hi"],
        ],
      );
    });

    it("stop when the client leaves", async () => {
      const controller = new AbortController();
      const answer = open().embeddingTaskPredict(
        { text: "a" },
        { ...headers("hangs"), signal: controller.signal },
      );
      setImmediate(() => controller.abort());
      await assert.rejects(answer, /abort/i);
    });
  });

  it("refuse a message with too many documents to decode before they are decoded", async () => {
    const documents = new Array(200_000).fill({});
    const client = createClient(
      NlpService,
      createConnectTransport({
        baseUrl: `http://127.0.0.1:${fake.address.port}`,
        httpVersion: "1.1",
        useBinaryFormat: true,
      }),
    );
    const headers = { "mm-model-id": "rerank" };
    await assert.rejects(client.rerankTaskPredict({ query: "a", documents }, { headers }), {
      rawMessage: /too many values to decode at once/,
    });
  });

  it("are logged with their model when they fail", () => {
    const failures = fake.logged.filter(({ rpc }) => String(rpc).startsWith("caikit.runtime.Nlp"));
    assert.ok(failures.some(({ modelId, code }) => modelId === "nobody" && code === "NotFound"));
  });

  it("are among the calls that ModelMesh may pass on, without a place for the id", async () => {
    const baseUrl = `http://127.0.0.1:${fake.address.port}`;
    const client = createClient(ModelRuntime, createGrpcTransport({ baseUrl }));
    const { methodInfos } = await client.runtimeStatus({});
    for (const { name } of NlpService.methods) {
      assert.deepEqual(methodInfos[`caikit.runtime.Nlp.NlpService/${name}`]?.idInjectionPath, []);
    }
    assert.ok(!Object.keys(methodInfos).some((name) => name.includes("InfoService")));
  });

  it("say what runs here", async () => {
    const baseUrl = `http://127.0.0.1:${fake.address.port}`;
    const client = createClient(InfoService, createGrpcTransport({ baseUrl }));
    assert.equal((await client.getRuntimeInfo({})).runtimeVersion, "1.2.3");
    const { models } = await client.getModelsInfo({ modelIds: ["add-one"] });
    const [model] = models;
    assert.deepEqual(
      [model?.name, model?.loaded, model?.size, model?.metadata],
      ["add-one", true, 123_456_789n, { platform: "fake_fake" }],
    );
    await assert.rejects(client.getModelsInfo({ modelIds: ["nobody"] }), /not_found/);
  });
});

describe("Caikit's service with a domain of its own", () => {
  const cleanup = suiteCleanup();

  it("has its name, and answers the same messages", async () => {
    const { address } = await startFakeServer(cleanup, {
      texts: new WordTexts(),
      caikitDomain: "Search",
    });
    const baseUrl = `http://127.0.0.1:${address.port}`;
    const service = serviceOfDomain("Search");
    assert.equal(service.typeName, "caikit.runtime.Search.SearchService");
    const client = createClient(service, createGrpcTransport({ baseUrl }));
    const headers = { "mm-model-id": "embedding" };
    const answer = await client.embeddingTaskPredict({ text: "a b" }, { headers });
    const again = fromBinary(EmbeddingResultSchema, toBinary(EmbeddingResultSchema, answer));
    assert.deepEqual(again.result?.data.value?.values, [2, 2, 1]);
    const other = createClient(NlpService, createGrpcTransport({ baseUrl }));
    await assert.rejects(other.embeddingTaskPredict({ text: "a" }, { headers }), /unimplemented/);
  });
});
