import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import { Vector1DSchema } from "../../../../gen/caikit/common_pb.ts";
import { vectorMessage } from "../../../../src/rpc/caikit/vector-message.ts";

describe("an embedding as a message", () => {
  const vector = Float32Array.of(0.1, -2, 3.5, 0).subarray(1);

  it("is the same in binary form, whichever way it was made", () => {
    const [fast, plain] = [false, true].map((isJson) =>
      toBinary(Vector1DSchema, vectorMessage(vector, isJson)),
    );
    assert.deepEqual(fast, plain);
    const { data } = fromBinary(Vector1DSchema, fast as Uint8Array);
    assert.equal(data.case, "dataNpfloat32sequence");
    assert.deepEqual(data.value?.values, [-2, 3.5, 0]);
  });

  it("has its numbers in JSON", () => {
    assert.deepEqual(toJson(Vector1DSchema, vectorMessage(vector, true)), {
      dataNpfloat32sequence: { values: [-2, 3.5, 0] },
    });
  });
});
