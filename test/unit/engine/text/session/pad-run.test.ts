import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { padRun, type Sequence } from "../../../../../src/engine/text/session/pad-run.ts";

const row = (ids: number[], types = ids.map(() => 0), promptTokens = 0): Sequence => ({
  ids: Int32Array.from(ids),
  types: Int32Array.from(types),
  promptTokens,
});

describe("the inputs of a run", () => {
  it("are its rows, padded on the right", () => {
    const rows = [row([101, 7, 102], [0, 0, 1]), row([250_000], [0], 1)];
    const names = [
      "input_ids",
      "attention_mask",
      "token_type_ids",
      "position_ids",
      "pooling_mask",
    ] as const;
    const values = padRun(rows, names, 9).map(({ name, shape, data, datatype }) => {
      assert.deepEqual([datatype, shape], ["INT64", [2, 3]]);
      return [name, [...new BigInt64Array(data.buffer as ArrayBuffer)].map(Number)];
    });
    assert.deepEqual(Object.fromEntries(values), {
      input_ids: [101, 7, 102, 250_000, 9, 9],
      attention_mask: [1, 1, 1, 1, 0, 0],
      token_type_ids: [0, 0, 1, 0, 0, 0],
      position_ids: [0, 1, 2, 0, 0, 0],
      pooling_mask: [1, 1, 1, 0, 0, 0],
    });
  });
});
