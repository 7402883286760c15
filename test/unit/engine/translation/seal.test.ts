import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readSeal, sealOf } from "../../../../src/engine/translation/seal.ts";
import { readFacts } from "../../../../src/engine/translation/translated-facts.ts";
import { ProtobufWriter } from "../../../support/models/protobuf-writer.ts";

const key = "0123456789abcdef".repeat(4);

function entry(name: string, value: string): ProtobufWriter {
  return new ProtobufWriter().text(1, name).text(2, value);
}

/** A model with these metadata_props and nothing else. */
function modelWith(props: Readonly<Record<string, string>>): Uint8Array {
  const entries = Object.entries(props).map(([name, value]) => entry(name, value));
  return new ProtobufWriter().integer(1, 10).messages(14, entries).finish();
}

function sealed(onnx: Uint8Array, splits = 1234): Buffer {
  return Buffer.concat([onnx, sealOf(onnx, { key, splits })]);
}

describe("the seal of a translated file", () => {
  it("says of which translation it is", () => {
    assert.deepEqual(readSeal(sealed(modelWith({}))), { key, splits: 1234 });
    assert.deepEqual(readSeal(sealed(new Uint8Array(0), 0)), { key, splits: 0 });
  });

  it("does not hold for a file with any byte changed, or any byte less", () => {
    const whole = sealed(modelWith({ "modelport.format": "xgboost" }));
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] as number) ^ 0x20;
      assert.equal(readSeal(changed), undefined, `byte ${at}`);
      assert.equal(readSeal(whole.subarray(0, at)), undefined, `${at} bytes`);
    }
    assert.equal(readSeal(Buffer.concat([whole, Buffer.alloc(1)])), undefined);
  });

  it("is an entry of the model's metadata, which readers of ONNX skip", () => {
    const file = sealed(modelWith({ "modelport.features": '["age","plan"]' }));
    assert.deepEqual(readFacts(file).features, ["age", "plan"]);
  });
});

describe("the facts in a translated file", () => {
  it("are names, classes, the version and KServe's output", () => {
    const facts = readFacts(
      modelWith({
        "modelport.features": '["a","b"]',
        "modelport.classes": '["no",2]',
        "modelport.kserve_output": "predict_proba",
        "modelport.library": "3.4.1",
        other: "x",
      }),
    );
    assert.deepEqual(facts, {
      features: ["a", "b"],
      classes: ["no", 2],
      kserveOutput: "predict_proba",
      libraryVersion: "3.4.1",
    });
  });

  it("are left out where they are missing or of another form", () => {
    const none = {
      features: undefined,
      classes: undefined,
      kserveOutput: undefined,
      libraryVersion: undefined,
    };
    assert.deepEqual(readFacts(modelWith({})), none);
    const odd = { "modelport.features": '["a",1]', "modelport.classes": "{" };
    assert.deepEqual(readFacts(modelWith(odd)), none);
  });

  it("are not read from bytes that are no protobuf", () => {
    assert.throws(() => readFacts(Uint8Array.of(0x72, 0xff)), RangeError);
  });
});
