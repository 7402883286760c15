import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  refuseSequence,
  refuseSharedMemory,
} from "../../../../src/rpc/codec/refused-parameters.ts";

type Values = Readonly<Record<string, string | number | bigint | boolean | null>>;

const reading = (values: Values) => (name: string) => values[name];

describe("a request of a sequence", () => {
  const requests: Values[] = [
    { sequence_id: 7 },
    { sequence_id: 7n },
    { sequence_id: "a chat" },
    { sequence_id: "0" },
    { sequence_start: true },
    { sequence_end: true },
    { sequence_id: 0, sequence_start: false, sequence_end: true },
  ];
  for (const values of requests) {
    const told = Object.entries(values).map(([name, value]) => `${name}=${value}`);
    it(`is refused: ${told.join(", ")}`, () => {
      assert.throws(() => refuseSequence(reading(values)), {
        kind: "invalid-argument",
        message: /^the request has the parameter 'sequence_\w+', but sequences are not supported/,
      });
    });
  }

  it("is none with the values that clients send for none", () => {
    for (const values of [{}, { sequence_id: 0 }, { sequence_id: 0n }, { sequence_id: "" }]) {
      refuseSequence(reading({ ...values, sequence_start: false, sequence_end: false }));
    }
    refuseSequence(reading({ sequence_id: null }));
  });
});

describe("a tensor in shared memory", () => {
  it("is refused by name, whichever of its parameters is there", () => {
    for (const name of [
      "shared_memory_region",
      "shared_memory_byte_size",
      "shared_memory_offset",
    ]) {
      assert.throws(() => refuseSharedMemory(reading({ [name]: 0 }), "input 'x'"), {
        kind: "invalid-argument",
        message: new RegExp(`^input 'x' has the parameter '${name}', but shared memory is not`),
      });
    }
  });

  it("is none without them", () => {
    refuseSharedMemory(reading({ binary_data_size: 4, shared_memory_region: null }), "input 'x'");
  });
});
