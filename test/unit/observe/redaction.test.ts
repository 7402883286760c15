import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { redact } from "../../../src/observe/redaction.ts";

const signed =
  "https://store.example/m/model.onnx?X-Amz-Credential=AKIA%2F20261123&X-Amz-Signature=5ec4e7";

/** A line of the log as pino writes it. */
function line(facts: object): string {
  return redact(JSON.stringify({ level: 40, ...facts, msg: "list attempt failed" }));
}

describe("redaction", () => {
  const secrets: readonly (readonly [what: string, facts: object, secret: string])[] = [
    ["a signed URL", { reason: `GET ${signed} failed` }, "5ec4e7"],
    ["a shared access signature", { origin: "https://a.example/c?sv=2&sig=5ec4e7%3D" }, "5ec4e7"],
    ["a password in a URL", { origin: "http://joe:5ec4e7@store.example/models" }, "5ec4e7"],
    ["a user with an empty name in a URL", { reason: "s3://:5ec4e7@bucket" }, "5ec4e7"],
    ["a bearer's token", { reason: "sent Authorization: Bearer 5ec4e75ec4e7.x-y" }, "5ec4e7"],
    ["a basic password", { reason: "header Basic NWVjNGU3OnB3Cg== refused" }, "NWVjNGU3"],
    ["a model key", { modelKey: '{"storage_key":"a","secret":"5ec4e7"}' }, "5ec4e7"],
    ["a field of its name", { err: { config: { secretAccessKey: '5e\\c4"e7' } } }, "c4"],
    ["JSON in a text", { reason: 'bad {"secret_access_key": "5ec4e7", "type": "s3"}' }, "5ec4e7"],
    ["an assignment", { line: "AWS_SECRET_ACCESS_KEY=5ec4e7 is wrong" }, "5ec4e7"],
    [
      "a private key",
      { reason: "-----BEGIN RSA PRIVATE KEY-----\n5ec4e7\n-----END RSA PRIVATE KEY-----" },
      "5ec4e7",
    ],
    ["a private key that was cut off", { reason: "-----BEGIN PRIVATE KEY----- 5ec4e7…" }, "5ec4e7"],
  ];
  for (const [what, facts, secret] of secrets) {
    it(`leaves out ${what}, and a line of JSON`, () => {
      assert.ok(JSON.stringify(facts).includes(secret), "the secret was there");
      const redacted = line(facts);
      assert.ok(!redacted.includes(secret), redacted);
      assert.ok(redacted.includes("***"), redacted);
      assert.equal(JSON.parse(redacted).msg, "list attempt failed");
    });
  }

  it("leaves everything else as it is", () => {
    const facts = {
      modelId: "teams/a?b",
      rpc: "inference.GRPCInferenceService/ModelInfer",
      reason: 'is "64x", expected an integer = 3 (at 127.0.0.1:80) 50% ??',
      origin: "s3 https://store.example:9000/bucket",
      tokens: 3,
      path: "C:\\models\\key.onnx",
      email: "ops@example.com",
    };
    const text = JSON.stringify(facts);
    assert.equal(redact(text), text);
  });

  it("takes no longer than its line, however that is made", () => {
    const letters = 400_000;
    const hostile = ["a.", "a-", "://", "?a=", '\\"a', "-----BEGIN ", "a=", '"a":"', "Basic "];
    for (const piece of hostile) {
      const startMs = performance.now();
      redact(piece.repeat(letters / piece.length));
      const tookMs = performance.now() - startMs;
      // Minutes if it were quadratic.
      assert.ok(tookMs < 5_000, `${piece}: ${tookMs} ms`);
    }
  });
});
