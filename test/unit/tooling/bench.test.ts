import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bindTo, readCoreList } from "../../../bench/cores.ts";
import { parseCpuTicks, shareOfOthers } from "../../../bench/cpu-use.ts";
import { replaceSection } from "../../../bench/docs-section.ts";
import { judge } from "../../../bench/judge.ts";
import { checkSummary, readSummary } from "../../../bench/load/h2load.ts";
import { resultOf } from "../../../bench/load/load-result.ts";
import { Measurements, quantile } from "../../../bench/measurements.ts";
import { areaNames, readOptions } from "../../../bench/options.ts";
import { formatNumber } from "../../../bench/table.ts";

describe("the arguments of the bench", () => {
  it("ask for everything unless told otherwise", () => {
    const expected = { areas: areaNames, quick: false, writeDocs: false, serveFlags: [] };
    assert.deepEqual(readOptions([]), expected);
  });

  it("choose areas, a quick run and flags of the program", () => {
    assert.deepEqual(readOptions(["--only", "scaling, rpc", "--quick", "--serve=--port 1"]), {
      areas: ["scaling", "rpc"],
      quick: true,
      writeDocs: false,
      serveFlags: ["--port", "1"],
    });
  });

  it("publish whole runs only", () => {
    assert.equal(readOptions(["--write-docs"]).writeDocs, true);
    assert.throws(() => readOptions(["--write-docs", "--quick"]), /whole runs/);
    assert.throws(() => readOptions(["--write-docs", "--only", "rpc"]), /whole runs/);
  });

  it("are refused by name if an area is unknown", () => {
    assert.throws(() => readOptions(["--only", "rpc,speed"]), /"speed", expected some of rpc, /);
    assert.throws(() => readOptions(["--fast"]), /--fast/);
  });
});

describe("measurements", () => {
  it("have the median of their rounds, in the order in which they were first made", () => {
    const measurements = new Measurements();
    for (const value of [5, 1, 2]) measurements.add("b", "/s", value);
    for (const value of [1, 2]) measurements.add("a", "ms", value);
    assert.deepEqual(measurements.all(), [
      { id: "b", unit: "/s", rounds: [5, 1, 2], median: 2 },
      { id: "a", unit: "ms", rounds: [1, 2], median: 1.5 },
    ]);
  });

  it("are finite numbers of one unit", () => {
    const measurements = new Measurements();
    assert.throws(() => measurements.add("a", "/s", Number.NaN), /a was measured as NaN/);
    measurements.add("a", "/s", 1);
    assert.throws(() => measurements.add("a", "ms", 1), /in \/s and in ms/);
  });

  it("have quantiles between neighbours", () => {
    assert.equal(quantile([30, 10, 20], 0.99), 29.8);
    assert.equal(quantile([7], 0.99), 7);
    assert.throws(() => quantile([], 0.5), /no values/);
  });
});

describe("the list of cores", () => {
  it("is read with ranges", () => {
    assert.deepEqual(readCoreList(" 0-2,5\n"), [0, 1, 2, 5]);
    assert.deepEqual(readCoreList("3"), [3]);
  });

  it("goes in front of a command, if there is one", () => {
    assert.deepEqual(bindTo("1", ["node", "x"]), ["taskset", "-c", "1", "node", "x"]);
    assert.deepEqual(bindTo(undefined, ["node", "x"]), ["node", "x"]);
  });
});

describe("what other programs took of the cores", () => {
  it("is what was busy and not ours", () => {
    const machine = (user: number, idle: number) =>
      `cpu  ${user} 10 20 ${idle} 5 0 0 15 7 7\ncpu0 1 2 3\n`;
    const own = (ticks: number) => `42 (a (b) c) S 1 1 1 0 -1 0 0 0 0 0 ${ticks} 3 4 5 20 0 1\n`;
    const before = parseCpuTicks(machine(100, 850), own(8));
    assert.deepEqual(before, { all: 1000, busy: 145, own: 20 });
    const after = parseCpuTicks(machine(160, 990), own(28));
    assert.equal(shareOfOthers(before, after), 0.2);
  });

  it("is nothing where ours is counted ahead of the machine's", () => {
    const ticks = { all: 100, busy: 50, own: 50 };
    assert.equal(shareOfOthers(ticks, { all: 200, busy: 60, own: 61 }), 0);
  });
});

describe("the output of h2load", () => {
  const output = [
    "finished in 2.50s, 886.50 req/s, 936.21KB/s",
    "requests: 1773 total, 1773 started, 1773 done, 1770 succeeded, 1 failed, 2 errored, 0 timeout",
    "traffic: 1.83MB (1917353) total, 6.03KB (6178) headers (space savings 96.03%), 2.03MB (2132242) data",
  ].join("\n");

  it("tells rate, failures and bytes", () => {
    assert.deepEqual(readSummary(output), {
      perSecond: 886.5,
      succeeded: 1770,
      unsuccessful: 3,
      dataBytes: 2_132_242,
    });
  });

  it("is refused in any other form", () => {
    assert.throws(() => readSummary("finished in 2.5s"), /h2load printed nothing like/);
  });

  it("is refused if calls failed, over HTTP or, which shows in the bytes, over gRPC", () => {
    const good = { perSecond: 1, succeeded: 10, unsuccessful: 0, dataBytes: 100 };
    checkSummary(good, 10);
    assert.throws(() => checkSummary({ ...good, unsuccessful: 1 }, 10), /1 calls failed/);
    assert.throws(() => checkSummary({ ...good, dataBytes: 99 }, 10), /only 99 together/);
  });
});

describe("the result of a load", () => {
  it("has latencies if there were answers", () => {
    const latency = { p50Us: 2, p99Us: 2.98 };
    assert.deepEqual(resultOf([3, 1, 2], 10), { answers: 3, perSecond: 10, latency });
    assert.deepEqual(resultOf([], 0), { answers: 0, perSecond: 0 });
  });
});

describe("a comparison", () => {
  const [one, two] = [measured("one", 8), measured("two", 10)];
  const compared = { area: "rpc", title: "t", of: "one", against: "two" } as const;

  it("passes at its bound and misses below it", () => {
    const verdict = (atLeast: number) =>
      judge([{ ...compared, target: { atLeast } }], [one, two]).map((row) => row.verdict);
    assert.deepEqual(verdict(0.8), ["pass"]);
    assert.deepEqual(verdict(0.81), ["miss"]);
  });

  it("judges the value itself where there is nothing to divide by", () => {
    const row = { area: "rpc", title: "t", of: "one", target: { atMost: 7 } } as const;
    const [judged] = judge([row], [one]);
    assert.equal(judged?.verdict, "miss");
    assert.equal(judged?.ratio, undefined);
  });

  it("may take the lower one of a number and a share of another measurement", () => {
    const target = { atLeast: 15, orShare: 0.8, ofId: "two" };
    const row = { area: "rpc", title: "t", of: "one", target } as const;
    assert.deepEqual(judge([row], [one, two])[0]?.bound, { sense: "≥", value: 8 });
    assert.deepEqual(judge([row], [one])[0]?.bound, { sense: "≥", value: 15 });
  });

  it("divides neighbours in time where both took turns, and medians otherwise", () => {
    const fast = { ...measured("one", 8), rounds: [8, 16, 4] };
    const ratioTo = (rounds: number[]) =>
      judge([compared], [fast, { ...measured("two", 10), rounds }])[0]?.ratio;
    assert.equal(ratioTo([10, 32, 8]), 0.5);
    assert.equal(ratioTo([10, 10]), 0.8);
  });

  it("is left out where one side was not measured", () => {
    assert.deepEqual(judge([compared], [one]), []);
    assert.deepEqual(judge([compared], [two]), []);
  });

  function measured(id: string, median: number) {
    return { id, unit: "/s", rounds: [median], median } as const;
  }
});

describe("numbers of the table", () => {
  it("have three digits that count", () => {
    assert.deepEqual([12_345.6, 123.4, 12.34, 1.234, 0.1234, 0.0123, 0].map(formatNumber), [
      ...["12,346", "123", "12.3", "1.23", "0.123", "0.0123", "0.0000"],
    ]);
  });
});

describe("the generated part of a page", () => {
  it("keeps what stands around the table", () => {
    const [begin, end] = ["<!-- bench: begin -->", "<!-- bench: end -->"];
    const text = `a\n${begin}\nold\n${end}\nb\n`;
    assert.equal(replaceSection(text, "new\n"), `a\n${begin}\n\nnew\n\n${end}\nb\n`);
    assert.throws(() => replaceSection("no markers", "new"), /the document needs/);
  });
});
