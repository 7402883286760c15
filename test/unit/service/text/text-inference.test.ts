import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { packTexts } from "../../../../src/base/packed-texts.ts";
import type { Tensor } from "../../../../src/base/tensor.ts";
import type { ModelMetadata } from "../../../../src/engine/contract/engine.ts";
import type { TextFacts } from "../../../../src/engine/contract/text-facts.ts";
import type { InferenceRequest } from "../../../../src/service/contract/models.ts";
import { inferTexts } from "../../../../src/service/text/text-inference.ts";
import { textMetadata } from "../../../../src/service/text/text-metadata.ts";
import { FakeTextTarget, textFacts, vectorOf } from "../../../support/fakes/fake-text-target.ts";

const { signal } = new AbortController();

function bytes(
  name: string,
  texts: readonly (string | Uint8Array)[],
  shape = [texts.length],
): Tensor {
  return { name, datatype: "BYTES", shape, data: packTexts(texts) };
}

function infer(facts: Partial<TextFacts>, request: Partial<InferenceRequest>) {
  const target = new FakeTextTarget(facts);
  const whole = { version: "", inputs: [], outputs: [], ...request };
  return inferTexts({ target, cache: undefined }, whole, signal);
}

function floats({ data }: Tensor): number[] {
  return [...new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4)];
}

function strings({ data }: Tensor): string[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const found: string[] = [];
  for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt32LE(at)) {
    found.push(bytes.toString("utf8", at + 4, at + 4 + bytes.readUInt32LE(at)));
  }
  return found;
}

describe("the Open Inference Protocol on a text model", () => {
  it("takes texts with and without a second dimension, and gives their embeddings", async () => {
    const texts = ["a b", "c"];
    const expected = texts.map((text) =>
      vectorOf({ text, addSpecial: true, truncate: "error" }, textFacts()),
    );
    for (const shape of [[2], [2, 1]]) {
      const [output] = await infer({}, { inputs: [bytes("text", texts, shape)] });
      assert.ok(output !== undefined);
      assert.equal(output.name, "embedding");
      assert.deepEqual(output.shape, [2, 8]);
      assert.deepEqual(floats(output), [...Float32Array.from(expected.flat())]);
    }
  });

  it("reads its parameters", async () => {
    const long = bytes("text", ["w ".repeat(40)]);
    await assert.rejects(infer({}, { inputs: [long] }), /^.*text 0 has 42 tokens/);
    const cut = { truncate: true, truncation_direction: "left", dimensions: 2 };
    const [output] = await infer({}, { inputs: [long], parameters: cut });
    assert.deepEqual(output?.shape, [1, 2]);
    const odd: readonly [parameters: NonNullable<InferenceRequest["parameters"]>, why: RegExp][] = [
      [{ truncate: "much" }, /'truncate' is 'much', expected true, false, or a number of tokens/],
      [{ truncation_direction: "up" }, /is 'up', expected 'left' or 'right'/],
      [{ dimensions: "two" }, /'dimensions' is 'two', expected a number of dimensions/],
      [{ normalize: 1 }, /'normalize' is 1, expected true or false/],
      [{ prompt_name: "query" }, /has no prompt 'query': it has none/],
    ];
    for (const [parameters, message] of odd) {
      const answer = infer({}, { inputs: [bytes("text", ["a"])], parameters });
      await assert.rejects(answer, { kind: "invalid-argument", message });
    }
  });

  it("ranks texts by one query, by one for each, or as pairs", async () => {
    const rerank = { task: "rerank" } as const;
    const texts = bytes("text", ["red", "red blue"]);
    const score = async (...inputs: Tensor[]) =>
      floats((await infer(rerank, { inputs }))[0] as Tensor);
    assert.deepEqual(await score(texts, bytes("query", ["red blue"])), [0, 1]);
    assert.deepEqual(await score(texts, bytes("query", ["x", "red"])), [-1, 0]);
    assert.deepEqual(await score(bytes("text", ["red", "red", "x", "y"], [2, 2])), [0, -1]);
    await assert.rejects(
      score(texts),
      /input 'query' is missing: the model ranks texts by a query/,
    );
    const three = bytes("query", ["a", "b", "c"]);
    await assert.rejects(score(texts, three), /'query' has 3 elements, expected 1, or 2 as 'text'/);
  });

  it("gives the best label of each text, its score, and all scores", async () => {
    const facts = {
      task: "classification",
      labels: ["up", "down"],
      activation: "softmax",
    } as const;
    const inputs = [bytes("text", ["up up", "down"])];
    const [label, score, scores] = await infer(facts, { inputs });
    assert.deepEqual(strings(label as Tensor), ["up", "down"]);
    assert.deepEqual(scores?.shape, [2, 2]);
    const all = floats(scores);
    assert.deepEqual(floats(score as Tensor), [all[0], all[3]]);
    const classes = new Map([["scores", 1]]);
    const [best] = await infer(facts, { inputs, outputs: ["scores"], classes });
    assert.match(strings(best as Tensor).join(" "), /^0\.88\d+:0:up 0\.73\d+:1:down$/);
  });

  it("gives entities as JSON", async () => {
    const facts = { task: "token-classification", labels: ["O", "NAME"] } as const;
    const [entities] = await infer(facts, { inputs: [bytes("text", ["by Ada", "x"])] });
    const ada = { start: 3, end: 6, word: "Ada", entity: "NAME", score: 0.75 };
    assert.deepEqual(
      strings(entities as Tensor).map((row) => JSON.parse(row)),
      [[ada], []],
    );
  });

  it("refuses other tensors, and bytes that are no text", async () => {
    const text = bytes("text", ["a"]);
    const cases: readonly [request: Partial<InferenceRequest>, message: RegExp][] = [
      [{}, /input 'text' is missing/],
      [
        { inputs: [bytes("input_ids", ["a"])] },
        /input 'input_ids' is unknown to model 'm', which takes 'text'/,
      ],
      [{ inputs: [text, bytes("query", ["a"])] }, /input 'query' is unknown/],
      [{ inputs: [text, text] }, /input 'text' is given twice/],
      [{ inputs: [{ ...text, datatype: "INT64" }] }, /data-type is 'INT64', model expects 'BYTES'/],
      [{ inputs: [bytes("text", ["a", "b"], [1, 2])] }, /Expected \[-1\] or \[-1,1\], got \[1,2\]/],
      [{ inputs: [bytes("text", ["a"], [])] }, /unexpected shape .* got \[\]/],
      [{ inputs: [bytes("text", ["a"], [2])] }, /ends after 1 of 2 BYTES elements/],
      [{ inputs: [bytes("text", [])] }, /there are no texts/],
      [{ inputs: [bytes("text", ["a", Uint8Array.of(0x61, 0xff)])] }, /element 1 is not UTF-8/],
      [{ inputs: [text], outputs: ["score"] }, /output 'score' is unknown .* gives 'embedding'/],
    ];
    for (const [request, message] of cases) {
      await assert.rejects(infer({}, request), { kind: "invalid-argument", message });
    }
  });
});

describe("the metadata of a text model", () => {
  const engine: Omit<ModelMetadata, "text"> = {
    platform: "huggingface_huggingface",
    inputs: [{ name: "item", datatype: "BYTES", shape: [-1] }],
    outputs: [{ name: "report", datatype: "BYTES", shape: [-1] }],
  };

  it("has the tensors of its task, and none of the engine's", () => {
    const tensorsOf = (facts: Partial<TextFacts>) => {
      const { inputs, outputs } = textMetadata({
        ...engine,
        text: textFacts(facts),
      }) as ModelMetadata;
      const shown = [...inputs, ...outputs];
      return shown.map(({ name, datatype, shape }) => `${name} ${datatype} [${shape}]`);
    };
    assert.deepEqual(tensorsOf({}), ["text BYTES [-1]", "embedding FP32 [-1,8]"]);
    const rerank = ["text BYTES [-1]", "query BYTES [-1]", "score FP32 [-1]"];
    assert.deepEqual(tensorsOf({ task: "rerank" }), rerank);
    assert.deepEqual(tensorsOf({ task: "classification", labels: ["a", "b"] }), [
      "text BYTES [-1]",
      "label BYTES [-1]",
      "score FP32 [-1]",
      "scores FP32 [-1,2]",
    ]);
    const entities = ["text BYTES [-1]", "entities BYTES [-1]"];
    assert.deepEqual(tensorsOf({ task: "token-classification" }), entities);
    assert.equal(textMetadata(engine), undefined);
  });
});
