import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runPressure } from "../pressure/run-pressure.ts";
import { canMeasureTrees } from "../support/processes/process-tree.ts";

const MiB = 1024 * 1024;

/** Of those of `npm run pressure`, the ones that took most before there were limits. */
const ways = [
  "gzip bombs, REST",
  "protobuf, parameters",
  "JSON, many nodes",
  "half-sent messages, gRPC",
  "unread answers, gRPC",
  "large calls, one by one",
  "attention, 64 to 256 rows",
  "outer products",
  "loads given up",
];

describe("a program in a small container", { skip: !canMeasureTrees && "needs Linux" }, () => {
  it("stays within it whatever callers do, answers small calls all along, and gives everything back", async (t) => {
    const options = { containerBytes: 640 * MiB, minutes: 0.25, only: ways, returnSeconds: 60 };
    const { text, faults } = await runPressure({ ...options, seed: 1 }, () => {});
    t.diagnostic(text);
    assert.deepEqual(faults, []);
  });
});
