import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import OpenAI from "openai";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { clientKinds } from "../support/clients/clients.ts";
import { callRest } from "../support/clients/rest-calls.ts";
import { type Runtime, startRuntime } from "../support/servers/runtime.ts";
import { projectRoot } from "../support/servers/served.ts";

const folders = ["bert-embedding", "xlm-roberta-rerank", "bert-classifier"] as const;
/** Of numbers up to 5, to those of an independent implementation. */
const tolerance = 2e-5;
/** Between runs with other texts. */
const sameRun = 1e-5;

interface Golden<Text> {
  readonly text: Text;
  readonly output: readonly number[];
}
type Pair = readonly [query: string, document: string];

function goldenOf(folder: (typeof folders)[number]): readonly Golden<string | Pair>[] {
  const file = join(projectRoot, "test/fixtures/text", folder, "golden.json");
  const { texts } = JSON.parse(readFileSync(file, "utf8"));
  return texts as readonly Golden<string | Pair>[];
}

function textsOf(folder: (typeof folders)[number]): readonly Golden<string>[] {
  return goldenOf(folder).filter((each) => typeof each.text === "string") as Golden<string>[];
}

function pairsOf(folder: (typeof folders)[number]): readonly Golden<Pair>[] {
  return goldenOf(folder).filter((each) => typeof each.text !== "string") as Golden<Pair>[];
}

function assertClose(actual: Iterable<number>, expected: Iterable<number>, within: number): void {
  const [ours, theirs] = [[...actual], [...expected]];
  assert.equal(ours.length, theirs.length);
  for (const [at, value] of ours.entries()) {
    const other = theirs[at] as number;
    assert.ok(Math.abs(value - other) <= within, `${at}: ${value}, expected ${other}`);
  }
}

type Json = Record<string, unknown>;

describe("text models from Hugging Face folders", () => {
  let runtime: Runtime;
  before(async () => {
    runtime = await startRuntime({ engineHosts: 1, embeddingCacheBytes: 0 });
    const { signal } = new AbortController();
    for (const id of folders) {
      await cp(join(projectRoot, "test/fixtures/text", id), join(runtime.root, id), {
        recursive: true,
      });
      await runtime.models.load({ id, path: id, type: "huggingface", key: "" }, signal);
    }
  });
  after(() => runtime?.close());

  const post = async (path: string, body: unknown) => {
    const { status, json } = await callRest(runtime.port, path, { body });
    assert.equal(status, 200, JSON.stringify(json));
    return json as Json;
  };
  const embedding = textsOf("bert-embedding");
  const texts = embedding.map(({ text }) => text);
  const model = "bert-embedding";

  /** The vectors of `texts`, by wire. */
  const wires: Record<string, () => Promise<readonly (readonly number[])[]>> = {
    async "OpenAI's client, base64"() {
      const client = new OpenAI({ baseURL: `http://127.0.0.1:${runtime.port}/v1`, apiKey: "none" });
      const { data } = await client.embeddings.create({ model, input: texts });
      return data.map((item) => item.embedding);
    },
    async "/openai/v1/embeddings"() {
      const { data } = await post("/openai/v1/embeddings", { model, input: texts });
      return (data as readonly { readonly embedding: number[] }[]).map((item) => item.embedding);
    },
    async "TEI's /embed"() {
      return (await post("/embed", { inputs: texts })) as unknown as number[][];
    },
    async "the Open Inference Protocol over REST"() {
      const input = { name: "text", datatype: "BYTES", shape: [texts.length, 1], data: texts };
      const { outputs } = await post(`/v2/models/${model}/infer`, { inputs: [input] });
      const [output] = outputs as readonly { readonly shape: number[]; readonly data: number[] }[];
      const width = output?.shape[1] ?? 0;
      return texts.map((_, row) => output?.data.slice(row * width, (row + 1) * width) ?? []);
    },
    async "KServe's V1"() {
      const answer = await post(`/v1/models/${model}:predict`, { instances: texts });
      return answer["predictions"] as number[][];
    },
  };
  for (const kind of clientKinds.filter(({ skip }) => skip === undefined)) {
    wires[`ModelInfer, ${kind.name}`] = async () => {
      const client = kind.open({ port: runtime.port });
      const bytesContents = texts.map((text) => Buffer.from(text));
      const outcome = await client.call(GRPCInferenceService.method.modelInfer, {
        modelName: model,
        inputs: [
          {
            name: "text",
            datatype: "BYTES",
            shape: [BigInt(texts.length)],
            contents: { bytesContents },
          },
        ],
      });
      client.close();
      assert.ok(outcome.ok, JSON.stringify(outcome));
      const { outputs } = outcome.message as unknown as {
        readonly outputs: readonly { readonly contents: { readonly fp32Contents: number[] } }[];
      };
      const all = outputs[0]?.contents.fp32Contents ?? [];
      const width = all.length / texts.length;
      return texts.map((_, row) => all.slice(row * width, (row + 1) * width));
    };
  }

  for (const [wire, vectors] of Object.entries(wires)) {
    it(`have the reference's embeddings over ${wire}`, async () => {
      const answered = await vectors();
      assert.equal(answered.length, texts.length);
      for (const [at, { output }] of embedding.entries()) {
        assertClose(answered[at] ?? [], output, tolerance);
      }
    });
  }

  it("answer a large call as each of its texts alone", async () => {
    const words = texts.join(" ").split(" ");
    const input = Array.from({ length: 257 }, (_, at) => {
      const start = (at * 5) % (words.length - 25);
      return words.slice(start, start + 1 + ((at * 7) % 23)).join(" ");
    });
    const { data } = await post("/v1/embeddings", { model, input });
    const together = data as readonly { readonly embedding: number[] }[];
    for (const at of [0, 22, 100, 256]) {
      const alone = await post("/v1/embeddings", { model, input: input[at] });
      const [item] = alone["data"] as typeof together;
      assertClose(together[at]?.embedding ?? [], item?.embedding ?? [], sameRun);
    }
  });

  it("answer many callers at once, each with its own", async () => {
    const calls = Array.from({ length: 32 }, (_, at) => at % texts.length);
    const answers = await Promise.all(calls.map((at) => post("/embed", { inputs: texts[at] })));
    for (const [call, answer] of answers.entries()) {
      const [vector] = answer as unknown as number[][];
      assertClose(vector ?? [], embedding[calls[call] as number]?.output ?? [], tolerance);
    }
  });

  it("take the tokens that they give for a text", async () => {
    const [tokens] = (await post(`/tokenize?model=${model}`, { inputs: texts[0] })) as unknown as {
      readonly id: number;
    }[][];
    const input = tokens?.map(({ id }) => id);
    const { data, usage } = await post("/v1/embeddings", { model, input });
    const [item] = data as readonly { readonly embedding: number[] }[];
    assertClose(item?.embedding ?? [], embedding[0]?.output ?? [], tolerance);
    assert.equal((usage as Json)["prompt_tokens"], input?.length);
    const beyond = await callRest(runtime.port, "/v1/embeddings", {
      body: { model, input: [99_999] },
    });
    assert.equal(beyond.status, 400);
    assert.match(beyond.bytes.toString(), /text 0 has the token 99999, expected tokens from 0 to/);
  });

  it("name the text that is too long, and cut it only where they are asked to", async () => {
    const input = ["short", "word ".repeat(200)];
    const refused = await callRest(runtime.port, "/v1/embeddings", { body: { model, input } });
    assert.equal(refused.status, 400);
    assert.match(
      refused.bytes.toString(),
      /text 1 has \d+ tokens, the model takes \d+: shorten it/,
    );
    const cut = (await post("/embed", { inputs: input, truncate: true })) as unknown as number[][];
    assert.equal(cut.length, 2);
    const parameters = { truncate: true };
    const v1 = { instances: input, parameters };
    const { predictions } = await post(`/v1/models/${model}:predict`, v1);
    assertClose((predictions as number[][])[1] ?? [], cut[1] ?? [], sameRun);
    const client = clientKinds[0]?.open({ port: runtime.port });
    const outcome = await client?.call(GRPCInferenceService.method.modelInfer, {
      modelName: model,
      parameters: { truncate: { parameterChoice: { case: "boolParam", value: true } } },
      inputs: [
        {
          name: "text",
          datatype: "BYTES",
          shape: [1n],
          contents: { bytesContents: [Buffer.from(input[1] ?? "")] },
        },
      ],
    });
    client?.close();
    assert.ok(outcome?.ok, JSON.stringify(outcome));
  });

  it("have the reference's scores for ranking and classification", async () => {
    const pairs = pairsOf("xlm-roberta-rerank");
    assert.ok(pairs.length > 0);
    for (const { text, output } of pairs) {
      const [query, document] = text;
      const body = { model: "xlm-roberta-rerank", query, documents: [document] };
      const { results } = await post("/v2/rerank", body);
      const [best] = results as readonly { readonly relevance_score: number }[];
      const expected = 1 / (1 + Math.exp(-(output[0] as number)));
      assertClose([best?.relevance_score ?? Number.NaN], [expected], tolerance);
    }
    for (const { text, output } of textsOf("bert-classifier")) {
      const raw = (await post("/predict", { inputs: text, raw_scores: true })) as unknown as {
        readonly score: number;
      }[];
      assertClose(
        raw.map(({ score }) => score),
        output.toSorted((a, b) => b - a),
        tolerance,
      );
    }
  });

  it("are listed with the fields of KServe's V1 and of OpenAI", async () => {
    const { json } = await callRest(runtime.port, `/v1/models/${model}`);
    const { name, ready, id, object, task } = json as Json;
    assert.deepEqual([name, ready], [model, true]);
    assert.deepEqual([id, object, task], [model, "model", "embedding"]);
    const document = await callRest(runtime.port, "/v2/openapi.json");
    assert.ok("/v1/embeddings" in ((document.json as Json)["paths"] as Json));
  });

  it("are not taken for something else", async () => {
    const cases: readonly [path: string, body: unknown, why: RegExp][] = [
      ["/v1/embeddings", { model: "xlm-roberta-rerank", input: "a" }, /ranks documents by a query/],
      ["/predict", { model, inputs: "a" }, /gives embeddings/],
      ["/v2/models/bert-embedding/infer", { inputs: [] }, /input 'text' is missing/],
    ];
    for (const [path, body, why] of cases) {
      const { status, bytes } = await callRest(runtime.port, path, { body });
      assert.equal(status, 400);
      assert.match(bytes.toString(), why);
    }
  });
});
