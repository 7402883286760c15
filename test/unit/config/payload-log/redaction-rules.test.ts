import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  readPath,
  readRedactionRules,
} from "../../../../src/config/payload-log/redaction-rules.ts";

const step = (key: string | number, isDeep = false) => ({ key, isDeep });

describe("the redaction rules of the payload log", () => {
  it("are read with their names, of any letters, and paths with commas in them", () => {
    const problems: string[] = [];
    const text =
      " input:a b , output:y:1,parameter:pin,header:X-User,path:$.a['b,c'][0],path:$..d ";
    assert.deepEqual(readRedactionRules(text, problems), [
      { kind: "input", name: "a b" },
      { kind: "output", name: "y:1" },
      { kind: "parameter", name: "pin" },
      { kind: "header", name: "x-user" },
      { kind: "path", steps: [step("a"), step("b,c"), step(0)] },
      { kind: "path", steps: [step("d", true)] },
    ]);
    assert.deepEqual(readRedactionRules("", problems), []);
    assert.deepEqual(problems, []);
  });

  it("are refused where nothing would be hidden", () => {
    for (const wrong of [
      "ssn",
      "inputs:x",
      "input:",
      "path:a.b",
      "path:$",
      "path:$.",
      "path:$[x]",
    ]) {
      const problems: string[] = [];
      assert.deepEqual(readRedactionRules(wrong, problems), [], wrong);
      assert.equal(problems.length, 1, wrong);
      assert.ok(problems[0]?.startsWith("PAYLOAD_LOG_REDACT has "), problems[0]);
    }
  });

  it("have every step of a path", () => {
    assert.deepEqual(readPath("$.*[*]['x']..y[\"z\"]..[3]"), [
      step("*"),
      step("*"),
      step("x"),
      step("y", true),
      step("z"),
      step(3, true),
    ]);
  });
});
