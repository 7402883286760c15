import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { refuseCostlyJson } from "../../../../src/rpc/codec-thread/json-cost.ts";

const MiB = 1024 * 1024;

function check(body: Buffer, jsonLength?: string): void {
  refuseCostlyJson({ body, jsonLength, modelId: "m", version: "" });
}

describe("what JSON costs to read", () => {
  it("is bearable for the usual tensors of the usual size", () => {
    check(Buffer.from(`[${"0.123456,".repeat((48 * MiB) / 9)}0]`));
  });

  for (const unit of ["0,", "[],", "{},", '"",', '{"":0},']) {
    it(`is refused ahead of parsing for 64 MiB of ${unit}`, () => {
      const body = Buffer.alloc(64 * MiB, unit);
      assert.throws(() => check(body), {
        kind: "invalid-argument",
        message: /bytes of JSON would take some \d+ MiB to read, the limit is 256 MiB: send/,
      });
    });
  }

  it("leaves out what follows the JSON", () => {
    const body = Buffer.concat([Buffer.from("[]"), Buffer.alloc(64 * MiB, ",")]);
    check(body, "2");
  });
});
