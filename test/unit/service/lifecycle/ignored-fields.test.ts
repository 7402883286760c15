import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Logger } from "../../../../src/observe/log.ts";
import { IgnoredFields } from "../../../../src/service/lifecycle/ignored-fields.ts";

function newFields() {
  const told: { readonly modelId: string; readonly fields: readonly string[] }[] = [];
  const log = { warn: (line: (typeof told)[number]) => told.push(line) } as unknown as Logger;
  return { fields: new IgnoredFields(log), told };
}

describe("fields without effect", () => {
  it("are told once for a file, whoever reads it and however often", () => {
    const { fields, told } = newFields();
    for (const modelId of ["m version 1", "m version 2", "m version 1"]) {
      fields.note("m/config.pbtxt", ["optimization"], { modelId });
    }
    fields.note("n/config.pbtxt", ["optimization"], { modelId: "n" });
    assert.deepEqual(
      told.map(({ modelId }) => modelId),
      ["m version 1", "n"],
    );
  });

  it("are told again when others are there", () => {
    const { fields, told } = newFields();
    for (const names of [["a"], ["a", "b"], ["a", "b"], [], ["a", "b"]]) {
      fields.note("m/config.pbtxt", names, { modelId: "m" });
    }
    assert.deepEqual(
      told.map((line) => line.fields),
      [["a"], ["a", "b"], ["a", "b"]],
    );
  });
});
