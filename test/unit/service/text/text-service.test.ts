import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { joinedTextBytes } from "../../../../src/engine/text/items/run-terms.ts";
import { TextTooLongError } from "../../../../src/service/contract/text-too-long-error.ts";
import { EmbeddingCache } from "../../../../src/service/text/embedding-cache.ts";
import { FakeTextTarget, vectorOf } from "../../../support/fakes/fake-text-target.ts";
import { FakeTexts } from "../../../support/fakes/fake-texts.ts";

const { signal } = new AbortController();
const truncate = "error";

function setUp(facts: ConstructorParameters<typeof FakeTextTarget>[0] = {}, cacheBytes = 0) {
  const target = new FakeTextTarget(facts);
  const cache = cacheBytes > 0 ? new EmbeddingCache(cacheBytes) : undefined;
  return { target, cache, texts: new FakeTexts([target], cache) };
}

function ownVector(text: string, target: FakeTextTarget): Float32Array {
  return Float32Array.from(vectorOf({ text, addSpecial: true, truncate }, target.facts));
}

describe("embed", () => {
  it("answers each text with its own vector and tokens, in order, whatever their lengths", async () => {
    const { texts, target } = setUp({ maxTokens: 500 });
    const sent = Array.from({ length: 700 }, (_, at) =>
      "word ".repeat((at * 37) % 90).concat(`${at}`),
    );
    const { vectors, tokens } = await texts.embed("m", { texts: sent, truncate }, signal);
    assert.equal(vectors.length, sent.length);
    for (const [at, text] of sent.entries()) {
      assert.deepEqual(vectors[at], ownVector(text, target));
      assert.equal(tokens[at], text.split(" ").length + 2);
    }
  });

  it("runs large calls in pieces of about one batch, two at a time, the longest texts first", async () => {
    const { texts, target } = setUp({ maxTokens: 5_000 });
    const sent = [...new Array<string>(600).fill("some short text"), "long ".repeat(900)];
    await texts.embed("m", { texts: sent, truncate }, signal);
    assert.equal(target.mostAtOnce, 2);
    assert.equal(target.ranItems, sent.length);
    assert.deepEqual(
      target.runs[0]?.items.map(({ text }) => text),
      [sent.at(-1)],
    );
    for (const { items } of target.runs.slice(1)) {
      const bytes = items.reduce((sum, { text = "" }) => sum + text.length, 0);
      assert.ok(
        bytes <= joinedTextBytes && items.length > 1,
        `${items.length} texts of ${bytes} bytes`,
      );
    }
  });

  it("stops when its caller leaves: what is under way is cancelled, and nothing more is sent", async () => {
    const { texts, target } = setUp();
    const gate = Promise.withResolvers<void>();
    target.gate = gate.promise;
    const caller = new AbortController();
    const sent = Array.from({ length: 2_048 }, (_, at) => `text ${at}`);
    const answer = texts.embed("m", { texts: sent, truncate }, caller.signal);
    const reason = new Error("left");
    caller.abort(reason);
    assert.ok(target.runs.every((run) => run.signal.aborted));
    gate.resolve();
    await assert.rejects(answer, reason);
    assert.equal(target.runs.length, 2);
  });

  it("names the text that is too long, its tokens and the limit", async () => {
    const { texts } = setUp();
    const call = { texts: ["short", "word ".repeat(40), "a b"], truncate } as const;
    await assert.rejects(texts.embed("m", call, signal), (error: unknown) => {
      assert.ok(error instanceof TextTooLongError);
      assert.deepEqual(
        { kind: error.kind, index: error.index, tokens: error.tokens, limit: error.limit },
        { kind: "invalid-argument", index: 1, tokens: 42, limit: 16 },
      );
      assert.match(error.message, /^text 1 has 42 tokens, the model takes 16: shorten it, or ask/);
      return true;
    });
  });

  it("cuts what is too long at the end, or at the start, where it is asked to", async () => {
    const { texts, target } = setUp();
    const sent = Array.from({ length: 40 }, (_, at) => `w${at}`).join(" ");
    const cut = await texts.embed("m", { texts: [sent], truncate: "model" }, signal);
    assert.deepEqual(cut.tokens, [16]);
    const left = { texts: [sent], truncate: 5, truncateSide: "left" } as const;
    const leftCut = await texts.embed("m", left, signal);
    assert.deepEqual(leftCut.tokens, [5]);
    assert.equal(target.runs[1]?.items[0]?.truncateSide, "left");
    assert.notDeepEqual(cut.vectors, leftCut.vectors);
  });

  it("puts the prompt of that name, or the default one, before texts, but not before tokens", async () => {
    const prompts = { query: "query: ", passage: "passage: " };
    const { texts, target } = setUp({ prompts, defaultPrompt: "passage" });
    const embed = (prompt?: string, input: string | Int32Array = "it") =>
      texts.embed("m", { texts: [input], truncate, prompt }, signal);
    const [asDefault, named, asQuery] = await Promise.all([
      embed(),
      embed("passage"),
      embed("query"),
    ]);
    assert.deepEqual(asDefault.vectors, named.vectors);
    assert.deepEqual(asQuery.vectors, [ownVector("query: it", target)]);
    await assert.rejects(embed("document"), {
      kind: "invalid-argument",
      message: "model 'm' has no prompt 'document': it has 'query', 'passage'",
    });
    const ids = await embed(undefined, Int32Array.of(101, 7, 102));
    assert.deepEqual(ids.tokens, [3]);
    await assert.rejects(embed("query", Int32Array.of(7)), /cannot be put before tokens/);
  });

  it("cuts vectors to the dimensions that are asked for, and gives them the length 1 again", async () => {
    const { texts, target } = setUp();
    const { vectors } = await texts.embed(
      "m",
      { texts: ["a b c"], truncate, dimensions: 3 },
      signal,
    );
    const whole = ownVector("a b c", target).subarray(0, 3);
    const length = Math.hypot(...whole);
    assert.equal(vectors[0]?.length, 3);
    for (const [at, value] of vectors[0].entries()) {
      assert.ok(Math.abs(value - (whole[at] as number) / length) < 1e-7);
    }
    for (const dimensions of [0, 9, 1.5, -1]) {
      await assert.rejects(texts.embed("m", { texts: ["a"], truncate, dimensions }, signal), {
        kind: "invalid-argument",
        message: `dimensions is ${dimensions}, expected an integer from 1 to 8, which model 'm' has`,
      });
    }
  });

  it("leaves vectors as the model gives them, unless they are to have the length 1", async () => {
    const { texts, target } = setUp({ isNormalised: false });
    const embed = async (normalise?: boolean) =>
      (await texts.embed("m", { texts: ["a b c"], truncate, normalise }, signal)).vectors[0];
    const own = ownVector("a b c", target);
    assert.deepEqual(await embed(), own);
    assert.deepEqual(await embed(false), own);
    const unit = (await embed(true)) as Float32Array;
    assert.ok(Math.abs(Math.hypot(...unit) - 1) < 1e-6);
    const normalising = setUp().texts.embed(
      "m",
      { texts: ["a"], truncate, normalise: false },
      signal,
    );
    await assert.rejects(
      normalising,
      /makes vectors of length 1 itself: normalize cannot be false/,
    );
  });

  it("refuses what is no text, with its index", async () => {
    const { texts, target } = setUp();
    const cases: readonly [sent: readonly (string | Int32Array)[], message: RegExp][] = [
      [[], /^there are no texts, expected at least one/],
      [["a", ""], /^text 1 is empty/],
      [["a", "b", "\ud83d"], /^text 2 has half of a surrogate pair/],
      [["x".repeat(1024 * 1024 + 1)], /^text 0 has 1048577 bytes, expected at most 1048576/],
      [new Array<string>(8_193).fill("a"), /^there are 8193 texts, expected at most 8192/],
      [[Int32Array.of()], /^text 0 has no tokens/],
      [
        ["a", Int32Array.of(5, 30_522)],
        /^text 1 has the token 30522, expected tokens from 0 to 29999/,
      ],
    ];
    for (const [sent, message] of cases) {
      const answer = texts.embed("m", { texts: sent, truncate }, signal);
      await assert.rejects(answer, { kind: "invalid-argument", message });
    }
    assert.equal(target.runs.length, 1);
  });

  it("fails where the model gives no numbers", async () => {
    const { texts } = setUp();
    await assert.rejects(texts.embed("m", { texts: ["a", "NaN"], truncate }, signal), {
      kind: "run-failed",
      message: /model 'm' gave no number for text 1/,
    });
  });
});

describe("the cache of embeddings", () => {
  const embed = (texts: FakeTexts, ...sent: string[]) =>
    texts.embed("m", { texts: sent, truncate }, signal);

  it("answers texts that were asked for before without the model, and runs the others", async () => {
    const { texts, target, cache } = setUp({}, 100_000);
    const first = await embed(texts, "a", "b c");
    const second = await embed(texts, "new", "b c", "a");
    assert.deepEqual(second.vectors.slice(1), first.vectors.toReversed());
    assert.deepEqual(second.tokens, [3, 4, 3]);
    assert.deepEqual(second.vectors[0], ownVector("new", target));
    assert.deepEqual(
      target.runs.map(({ items }) => items.length),
      [2, 1],
    );
    assert.deepEqual(cache?.counts, { hits: 2, misses: 3 });
  });

  it("does not answer for another generation, another way of reading, or tokens", async () => {
    const cache = new EmbeddingCache(100_000);
    const old = new FakeTextTarget();
    const renewed = new FakeTextTarget({}, { generation: 2 });
    await embed(new FakeTexts([old], cache), "a");
    const texts = new FakeTexts([renewed], cache);
    await embed(texts, "a");
    assert.equal(renewed.ranItems, 1);
    await texts.embed("m", { texts: ["a"], truncate: "model" }, signal);
    await texts.embed("m", { texts: [Int32Array.of(7)], truncate }, signal);
    await texts.embed("m", { texts: [Int32Array.of(7)], truncate }, signal);
    assert.equal(renewed.ranItems, 4);
    cache.forget(2);
    assert.equal(cache.entries, 1);
  });

  it("stays within its bytes: what was not asked for the longest gives way", async () => {
    const { texts, target, cache } = setUp({}, 3_000);
    for (const text of ["a", "b", "c", "a", "d", "e", "f", "a", "g"]) await embed(texts, text);
    assert.ok(cache !== undefined && cache.sizeBytes <= 3_000 && cache.entries >= 3);
    const before = target.ranItems;
    await embed(texts, "a");
    assert.equal(target.ranItems, before);
    await embed(texts, "b");
    assert.equal(target.ranItems, before + 1);
  });
});

describe("score", () => {
  const documents = ["red fish", "", "red blue", "x"];

  it("ranks documents by what the model's activation makes of its logits, or by these", async () => {
    const { texts, target } = setUp({ task: "rerank", activation: "sigmoid" });
    const call = { query: "red blue fish", documents, truncate } as const;
    const { scores, tokens } = await texts.score("m", call, signal);
    const logits = [1, -1, 1, -1];
    const expected = logits.map((logit) => 1 / (1 + Math.exp(-logit)));
    for (const [at, score] of scores.entries()) {
      assert.ok(Math.abs(score - (expected[at] as number)) < 1e-15);
    }
    assert.deepEqual(tokens, [7, 5, 7, 6]);
    assert.deepEqual([...(await texts.score("m", { ...call, raw: true }, signal)).scores], logits);
    assert.deepEqual(target.runs[0]?.outputs, ["logits", "report"]);
  });

  it("ranks by cosine with a model of embeddings, and the prompts that it has for the two", async () => {
    const prompts = { query: "q: ", passage: "p: " };
    const { texts, target } = setUp({ prompts, isNormalised: false });
    const call = { query: "a b", documents: ["a b", "c"], truncate } as const;
    const { scores } = await texts.score("m", call, signal);
    const query = ownVector("q: a b", target);
    for (const [at, document] of ["p: a b", "p: c"].entries()) {
      const other = ownVector(document, target);
      const dot = query.reduce((sum, value, index) => sum + value * (other[index] as number), 0);
      const cosine = dot / Math.hypot(...query) / Math.hypot(...other);
      assert.ok(Math.abs((scores[at] as number) - cosine) < 1e-6);
    }
  });

  it("names the document, or the query, that cannot be read", async () => {
    const { texts } = setUp({ task: "rerank" });
    const score = (query: string, documents: readonly string[]) =>
      texts.score("m", { query, documents, truncate }, signal);
    await assert.rejects(score("", ["a"]), { message: "the query is empty, expected a text" });
    await assert.rejects(score("a", []), { message: /^there are no documents/ });
    await assert.rejects(score("a", ["b", "w ".repeat(30)]), {
      message: /^document 1 with the query has 33 tokens, the model takes 16/,
      index: 1,
    });
    await assert.rejects(score("NaN", ["b"]), { kind: "run-failed" });
  });
});

describe("similarity", () => {
  it("is 1 for the same text, and names the sentence that cannot be read", async () => {
    const { texts } = setUp();
    const similar = (sentences: readonly string[]) =>
      texts.similarity("m", { source: "a b", sentences, truncate }, signal);
    const { scores } = await similar(["a b", "c d"]);
    assert.ok(Math.abs((scores[0] as number) - 1) < 1e-6 && (scores[1] as number) < 0.99);
    await assert.rejects(similar(["a", ""]), { message: "sentence 1 is empty, expected a text" });
    await assert.rejects(similar(["w ".repeat(30)]), { message: /^sentence 0 has 32 tokens/ });
  });
});

describe("classify", () => {
  const labels = ["up", "down", "same"];

  it("gives the score of each label, by softmax, by sigmoid, or as logits", async () => {
    const sent = ["up up down", ["same", "up"]] as const;
    const scoresBy = async (activation: "softmax" | "sigmoid", raw = false) => {
      const { texts } = setUp({ task: "classification", labels, activation });
      const answer = await texts.classify("m", { texts: sent, truncate, raw }, signal);
      assert.deepEqual(answer.labels, labels);
      return answer.scores.map((row) => [...row]);
    };
    const logits = [
      [2, 1, 0],
      [1, 0, 1],
    ];
    assert.deepEqual(await scoresBy("softmax", true), logits);
    const soft = await scoresBy("softmax");
    const sigmoid = await scoresBy("sigmoid");
    for (const [row, own] of logits.entries()) {
      const powers = own.map(Math.exp);
      const sum = powers.reduce((total, power) => total + power, 0);
      for (const [at, logit] of own.entries()) {
        assert.ok(Math.abs((soft[row]?.[at] as number) - (powers[at] as number) / sum) < 1e-15);
        const expected = 1 / (1 + Math.exp(-logit));
        assert.ok(Math.abs((sigmoid[row]?.[at] as number) - expected) < 1e-15);
      }
    }
  });
});

describe("entities and tokens", () => {
  it("finds entities above the threshold, by code points", async () => {
    const { texts } = setUp({ task: "token-classification", labels: ["O", "NAME"] });
    const find = async (threshold?: number) =>
      (await texts.entities("m", { texts: ["🙂 by Ada", "none"], truncate, threshold }, signal))
        .entities;
    const ada = { start: 5, end: 8, word: "Ada", entity: "NAME", score: 0.75 };
    assert.deepEqual(await find(), [[ada], []]);
    assert.deepEqual(await find(0.8), [[], []]);
  });

  it("tokenises texts of any length, without running the model", async () => {
    const { texts, target } = setUp();
    const call = { texts: ["a bc", "w ".repeat(40), ""], addSpecial: true } as const;
    const answer = await texts.tokenize("m", call, signal);
    assert.deepEqual(
      answer.map(({ tokens }) => tokens.length),
      [4, 42, 2],
    );
    assert.deepEqual(answer[0]?.tokens[2], {
      id: 2,
      piece: "bc",
      start: 2,
      end: 4,
      isSpecial: false,
    });
    assert.ok(target.runs.every(({ outputs }) => outputs.join() === "report"));
  });
});

describe("a model that does something else", () => {
  it("is refused by what it does", async () => {
    const { texts } = setUp({ task: "rerank" });
    await assert.rejects(texts.embed("m", { texts: ["a"], truncate }, signal), {
      kind: "invalid-argument",
      message:
        "model 'm' ranks documents by a query, and this call is for one that gives embeddings",
    });
    await assert.rejects(
      texts.classify("m", { texts: ["a"], truncate }, signal),
      /classifies texts/,
    );
    await assert.rejects(texts.score("other", { query: "a", documents: ["b"], truncate }, signal), {
      kind: "model-not-found",
    });
  });
});
