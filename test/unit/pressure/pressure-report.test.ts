import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ControlReport } from "../../pressure/control-client.ts";
import {
  judgePressure,
  type PressureFacts,
  type WayFacts,
} from "../../pressure/pressure-report.ts";
import { type CallEnd, Tally } from "../../pressure/tally.ts";
import type { Way } from "../../pressure/way.ts";

const MiB = 1024 * 1024;

const way: Way = {
  name: "bombs",
  about: "some",
  refusals: ["RESOURCE_EXHAUSTED"],
  answers: "some",
  press: async () => {},
};

const report: ControlReport = { calls: 9, p50Ms: 1, p99Ms: 2, worstMs: 3, failures: new Map() };

function wayFacts(
  more: Partial<WayFacts> = {},
  ends: readonly [CallEnd, { must: boolean }][] = [],
): WayFacts {
  const tally = new Tally(more.way?.refusals ?? way.refusals);
  tally.count({ code: "answered" }, { must: true });
  for (const [end, options] of ends) tally.count(end, options);
  return {
    way,
    tally,
    beforeBytes: 100 * MiB,
    peak: { privateBytes: 500 * MiB, heldBytes: 400 * MiB },
    given: { seconds: 1, bytes: 110 * MiB, serverBytes: 60 * MiB, isBack: true },
    report,
    ...more,
  };
}

const bounded: PressureFacts = {
  containerBytes: 1024 * MiB,
  seed: 1,
  seconds: 60,
  startBytes: 100 * MiB,
  endBytes: 110 * MiB,
  keptBytes: 48 * MiB,
  peak: { privateBytes: 500 * MiB, heldBytes: 400 * MiB },
  ways: [wayFacts()],
  isAlive: true,
  serverErrors: [],
  lastWords: [],
  exit: 0,
};

describe("the verdict on a container under pressure", () => {
  it("is bounded if it stayed within, answered what fits, and gave everything back", () => {
    const refused: [CallEnd, { must: boolean }] = [{ code: "RESOURCE_EXHAUSTED" }, { must: false }];
    const { faults, text } = judgePressure({ ...bounded, ways: [wayFacts({}, [refused])] });
    assert.deepEqual(faults, []);
    assert.match(text, /bombs .* answered 1, RESOURCE_EXHAUSTED 1\n/);
    assert.match(text, /verdict: bounded$/);
  });

  const plantedInWay: readonly [what: string, fault: RegExp, facts: WayFacts][] = [
    [
      "more private memory than there is",
      /^bombs: the tree had 1025 MiB private$/,
      wayFacts({ peak: { privateBytes: 1025 * MiB, heldBytes: 0 } }),
    ],
    [
      "more that the kernel cannot take back",
      /^bombs: the tree had 1025 MiB held$/,
      wayFacts({ peak: { privateBytes: 0, heldBytes: 1025 * MiB } }),
    ],
    [
      "memory that was not given back",
      /^bombs: 300 MiB were left after 60 s$/,
      wayFacts({
        given: { seconds: 60, bytes: 300 * MiB, serverBytes: 200 * MiB, isBack: false },
      }),
    ],
    [
      "a refusal of what fits",
      /^bombs: 1 × a call that fits: RESOURCE_EXHAUSTED no room$/,
      wayFacts({}, [[{ code: "RESOURCE_EXHAUSTED", text: "no room" }, { must: true }]]),
    ],
    [
      "a refusal by the wrong code",
      /^bombs: 1 × INTERNAL oh$/,
      wayFacts({}, [[{ code: "INTERNAL", text: "oh" }, { must: false }]]),
    ],
    [
      "a call that was forgotten",
      /^bombs: 1 × never ended$/,
      wayFacts({}, [[{ code: "never ended" }, { must: false }]]),
    ],
    [
      "an answer to what never fits",
      /^bombs: 1 of its calls were answered$/,
      wayFacts({ way: { ...way, answers: "none" } }),
    ],
    [
      "small calls that were lost",
      /^bombs: 2 × a small call beside it: gRPC: cut$/,
      wayFacts({ report: { ...report, failures: new Map([["gRPC: cut", 2]]) } }),
    ],
  ];
  for (const [what, fault, facts] of plantedInWay) {
    it(`sees ${what}`, () => {
      const { faults, text } = judgePressure({ ...bounded, ways: [wayFacts(), facts] });
      assert.equal(faults.length, 1, faults.join("; "));
      assert.match(faults[0] ?? "", fault);
      assert.match(text, /verdict: NOT BOUNDED: 1 faults$/);
    });
  }

  const planted: readonly [what: string, fault: RegExp, facts: Partial<PressureFacts>][] = [
    ["a server that is gone", /^the server did not survive$/, { isAlive: false }],
    [
      "what is left in the end",
      /^149 MiB are left a minute after the end, 100 MiB at the start$/,
      { endBytes: 149 * MiB },
    ],
    ["errors in the log", /^1 errors in the server's log$/, { serverErrors: ["{}"] }],
    ["a server that does not end", /^SIGTERM ended the server with SIGKILL$/, { exit: "SIGKILL" }],
  ];
  for (const [what, fault, facts] of planted) {
    it(`sees ${what}`, () => {
      const { faults } = judgePressure({ ...bounded, ...facts });
      assert.equal(faults.length, 1, faults.join("; "));
      assert.match(faults[0] ?? "", fault);
    });
  }
});
