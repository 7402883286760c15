import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Outcome } from "../../zoo/try-case.ts";
import { reportZoo } from "../../zoo/zoo-report.ts";

function report(kind: string, ...outcomes: readonly Outcome[]) {
  const tried = outcomes.map((outcome, at) => {
    return { facts: { kind, name: `model-${at}`, group: "some" }, outcome };
  });
  return reportZoo([{ kind, versions: { onnx: "1" }, skipped: ["one: too large"], tried }]);
}

const sequence = "input 'x' is a sequence of tensors, but only tensors can be served";

describe("the report of the zoo", () => {
  it("finds no fault in equal and close answers, in what the runtime refuses, and in known refusals", () => {
    const { faults, text } = report(
      "node",
      { kind: "equal", random: false },
      { kind: "close", detail: "by a bit" },
      { kind: "unanswerable", detail: "NOT_IMPLEMENTED : Could not find an implementation" },
      { kind: "refused", detail: sequence },
    );
    assert.deepEqual(faults, []);
    assert.match(text, /ONNX, operators: some +\| +4 \| +3 \| +1 \| +1 \| +1 \|/);
    assert.match(text, /1 model\. Sequences as inputs.*\n\n`model-3`/);
    assert.match(text, /- node: one: too large/);
  });

  it("names wrong answers, unknown refusals, and known ones of a kind that has no leave to", () => {
    const { faults } = report(
      "sklearn",
      { kind: "different", detail: "0, expected 1" },
      { kind: "refused", detail: "needs 32 TiB" },
      { kind: "refused", detail: sequence },
    );
    assert.deepEqual(faults, [
      "sklearn/model-0 (different): 0, expected 1",
      "sklearn/model-1 (refused): needs 32 TiB",
      `sklearn/model-2 (refused): ${sequence}`,
    ]);
  });

  it("is the same text for the same zoo", () => {
    const equal: Outcome = { kind: "equal", random: true };
    assert.equal(report("light", equal, equal).text, report("light", equal, equal).text);
  });
});
