import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TensorSpec } from "../../../../src/base/tensor.ts";
import { defaultRunSettings, type RunSettings } from "../../../../src/config/run-settings.ts";
import type { ModelFile } from "../../../../src/engine/contract/engine.ts";
import type { RowProof } from "../../../../src/engine/contract/model-format.ts";
import { JoiningFaults } from "../../../../src/engine/queue/joining-faults.ts";
import { joiningOf } from "../../../../src/engine/queue/joining-of.ts";
import { withOwnSettings } from "../../../../src/service/lifecycle/model-settings.ts";

const proven: RowProof = { isProven: true };
const unproven: RowProof = { isProven: false, reason: "CumSum 'total' adds up rows" };
const spec = (name: string, ...shape: number[]) => ({ name, datatype: "FP32", shape }) as const;

interface Case {
  readonly rowProof?: RowProof;
  readonly own?: Partial<RunSettings>;
  readonly server?: number;
  readonly fault?: string;
  readonly inputs?: readonly TensorSpec[];
  readonly outputs?: readonly TensorSpec[];
}

function joining({
  rowProof = proven,
  own = {},
  server = 64,
  fault,
  inputs,
  outputs,
}: Case): string {
  const settings = withOwnSettings({ ...defaultRunSettings, maxBatchSize: server }, own);
  const metadata = {
    platform: "onnx",
    inputs: inputs ?? [spec("x", -1, 4)],
    outputs: outputs ?? [spec("y", -1)],
  };
  const { state, reason } = joiningOf(metadata, settings, { rowProof, fault });
  return `${state}: ${reason}`;
}

describe("whether a model's requests are joined", () => {
  it("is so if its rows are proven independent, or if its own settings promise it", () => {
    assert.equal(joining({}), "proven: its rows are proven independent");
    const own = { maxBatchSize: 8 };
    assert.equal(joining({ own }), "proven: its rows are proven independent");
    assert.equal(
      joining({ rowProof: unproven, own }),
      "promised: its own settings say max_batch_size 8",
    );
  });

  it("is so if its format promises it, unless a joined run was wrong", () => {
    const rowProof = { ...unproven, promise: "texts are padded and masked" };
    assert.equal(joining({ rowProof }), "promised: texts are padded and masked");
    assert.equal(joining({ rowProof, fault: "it differed" }), "off: it differed");
  });

  it("is not promised by the server's default, whatever that is", () => {
    for (const server of [2, 64, 1_000]) {
      assert.equal(joining({ rowProof: unproven, server }), "off: CumSum 'total' adds up rows");
    }
    const own = { maxConcurrency: 4 };
    assert.equal(joining({ rowProof: unproven, own }), "off: CumSum 'total' adds up rows");
  });

  it("is limited by every setting, the server's for models that say nothing", () => {
    assert.equal(joining({ server: 0 }), "off: max_batch_size is 0");
    assert.equal(joining({ own: { maxBatchSize: 0 } }), "off: max_batch_size is 0");
    assert.equal(
      joining({ rowProof: unproven, own: { maxBatchSize: 1 } }),
      "off: max_batch_size is 1",
    );
  });

  it("is not so for inputs and outputs without rows, promised or not", () => {
    const own = { maxBatchSize: 8 };
    const cases: [Case, string][] = [
      [{ inputs: [spec("x", -1), spec("k")] }, "off: input 'k' is a scalar"],
      [{ inputs: [spec("x", 1, 4)] }, "off: input 'x' has the fixed first dimension 1"],
      [
        { outputs: [spec("y", -1), spec("z", 3)] },
        "off: output 'z' has the fixed first dimension 3",
      ],
      [{ inputs: [] }, "off: it has no inputs"],
      [{ inputs: [{ ...spec("k", 1), isOptional: true }] }, "off: it has no inputs"],
      [
        { inputs: [{ ...spec("x"), hasAnyRank: true }] },
        "off: input 'x' may have any number of dimensions",
      ],
    ];
    for (const [each, expected] of cases) assert.equal(joining({ ...each, own }), expected);
  });

  it("does not look at inputs that may be left out: who gives one runs alone", () => {
    const inputs = [spec("x", -1), { ...spec("k", 1), isOptional: true }];
    assert.equal(joining({ inputs }), "proven: its rows are proven independent");
  });

  it("ends for a file whose joined runs differed from single ones, and for no other", () => {
    const faults = new JoiningFaults();
    const file = (identity: string): ModelFile => ({ format: "onnx", file: "/m.onnx", identity });
    faults.note(file("1"), "it was wrong");
    const own = { maxBatchSize: 8 };
    for (const rowProof of [proven, unproven]) {
      const fault = faults.of(file("1")) as string;
      assert.equal(joining({ rowProof, own, fault }), "off: it was wrong");
    }
    assert.equal(faults.of(file("2")), undefined);
    for (let other = 0; other < 1_000; other++) faults.note(file(`other ${other}`), "wrong too");
    assert.equal(faults.of(file("1")), undefined, "what is remembered is bounded");
  });
});
