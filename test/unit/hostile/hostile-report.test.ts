import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type HostileFacts, judgeHostile } from "../../hostile/hostile-report.ts";
import type { TreeSample } from "../../soak/tree-watch.ts";

const MiB = 1024 * 1024;

function samples(growthBytes: number): TreeSample[] {
  return Array.from({ length: 21 }, (_, at) => {
    const treeBytes = 200 * MiB + (growthBytes * at) / 20;
    return { atMs: at * 1000, serverBytes: treeBytes, treeBytes, handles: 9, hosts: 3, cpuMs: 1 };
  });
}

const unharmed: HostileFacts = {
  wanted: 1000,
  warmUp: 300,
  seed: 1,
  seconds: 20,
  fates: new Map([
    ["some", { ended: 600, cut: 0, hanging: 0 }],
    ["others", { ended: 0, cut: 400, hanging: 0 }],
  ]),
  steady: { latenciesMs: [1, 2, 3], failures: [] },
  pids: { before: 7, after: 7 },
  hostPids: { before: [8, 9], after: [8, 9] },
  loopDelay: {
    server: { p50Ms: 1, p99Ms: 9, p999Ms: 24, maxMs: 90 },
    idle: { p50Ms: 0, p99Ms: 1, p999Ms: 5, maxMs: 8 },
    turnCpu: { p50Ms: 1, p99Ms: 7, p999Ms: 15, maxMs: 40 },
  },
  samples: samples(0),
  live: { warmBytes: 30 * MiB, lastBytes: 31 * MiB },
  serverErrors: [],
  lastWords: [],
  exit: 0,
};

describe("the verdict of an attack", () => {
  it("is unharmed if nobody and nothing suffered", () => {
    const { faults, text } = judgeHostile(unharmed);
    assert.deepEqual(faults, []);
    assert.match(text, /^1000 hostile requests in 20 s/);
    assert.match(text, /verdict: unharmed$/);
  });

  it("allows a server that is not warm yet to take memory", () => {
    assert.deepEqual(judgeHostile({ ...unharmed, samples: samples(64 * MiB) }).faults, []);
  });

  const planted: readonly [what: string, fault: RegExp, facts: Partial<HostileFacts>][] = [
    [
      "a server that is gone",
      /^process 7 did not survive$/,
      { pids: { before: 7, after: undefined } },
    ],
    [
      "a host that died",
      /^engine hosts died: 9$/,
      { hostPids: { before: [8, 9], after: [8, 10] } },
    ],
    [
      "turns that take long",
      /^the server held up its loop by 26 ms at 99.9 %$/,
      {
        loopDelay: {
          ...unharmed.loopDelay,
          turnCpu: { ...unharmed.loopDelay.turnCpu, p999Ms: 26 },
        },
      },
    ],
    [
      "a loop that is late, where Node tells no CPU time of threads",
      /^the server held up its loop by 21 ms at 99.9 %$/,
      {
        loopDelay: {
          ...unharmed.loopDelay,
          server: { ...unharmed.loopDelay.server, p999Ms: 26 },
          turnCpu: { p50Ms: Number.NaN, p99Ms: Number.NaN, p999Ms: Number.NaN, maxMs: Number.NaN },
        },
      },
    ],
    ["too few requests", /^only 1000 requests were sent$/, { wanted: 1001 }],
    [
      "a request that was never ended",
      /^1 requests were never ended$/,
      { fates: new Map([["some", { ended: 999, cut: 0, hanging: 1 }]]) },
    ],
    [
      "a well-behaved call that was lost",
      /^a well-behaved client heard 14$/,
      { steady: { latenciesMs: [1], failures: ["14"] } },
    ],
    [
      "a well-behaved client that waited all the time",
      /^the well-behaved client was not served$/,
      { steady: { latenciesMs: [], failures: [] } },
    ],
    [
      "memory that grows",
      /^the process tree grew by 64\.0 MiB$/,
      { samples: samples(64 * MiB), warmUp: 300_000 },
    ],
    [
      "memory that grows beyond what a cold server takes",
      /^the process tree grew by 300\.0 MiB$/,
      { samples: samples(300 * MiB) },
    ],
    [
      "objects that stay",
      /^the server's live objects grew by 9\.0 MiB$/,
      { live: { warmBytes: 30 * MiB, lastBytes: 39 * MiB } },
    ],
    [
      "objects that could not be counted",
      /live objects grew by NaN/,
      { live: { warmBytes: 30 * MiB, lastBytes: Number.NaN } },
    ],
    ["an error in the log", /^1 errors in the log$/, { serverErrors: ["{}"] }],
    ["a bad end", /^SIGTERM ended the server with 1$/, { exit: 1 }],
    ["no time to tell", /^too little time/, { samples: [] }],
  ];
  for (const [what, fault, facts] of planted) {
    it(`sees ${what}`, () => {
      const { faults, text } = judgeHostile({ ...unharmed, ...facts });
      assert.deepEqual(faults.filter((each) => fault.test(each)).length, 1, faults.join("; "));
      assert.match(text, /verdict: HARMED/);
    });
  }
});
