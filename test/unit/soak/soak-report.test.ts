import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Ledger } from "../../soak/ledger.ts";
import { judgeSoak, type SoakFacts } from "../../soak/soak-report.ts";
import type { TreeSample } from "../../soak/tree-watch.ts";

const MiB = 1024 * 1024;
const minute = 60_000;

function sampleAt(atMs: number, changes: Partial<TreeSample> = {}): TreeSample {
  const rest = { serverBytes: 60 * MiB, treeBytes: 200 * MiB, handles: 40, hosts: 3, cpuMs: 1 };
  return { atMs, ...rest, ...changes };
}

/** Thirty minutes in which a figure grows steadily by so much in all. */
function growing(figure: "serverBytes" | "treeBytes", bytes: number): TreeSample[] {
  return Array.from({ length: 31 }, (_, at) => {
    // Now and then a peak, which is no trend.
    const noise = at % 7 === 0 ? 40 * MiB : 0;
    const start = sampleAt(0)[figure];
    return sampleAt(at * minute, { [figure]: start + (bytes * at) / 30 + noise });
  });
}

async function ledgerWith(...codes: (string | undefined)[]): Promise<Ledger> {
  const ledger = new Ledger();
  for (const code of codes) {
    await ledger.track({
      kind: "planted",
      client: "planted",
      expected: ["OK"],
      async send() {
        if (code === undefined) throw new Error("the connection was cut");
        return { code };
      },
    });
  }
  return ledger;
}

async function soundFacts(): Promise<SoakFacts> {
  return {
    minutes: 30,
    seed: 1,
    kills: 300,
    ledger: await ledgerWith("OK", "OK"),
    samples: growing("treeBytes", 0),
    live: { warmBytes: 27 * MiB, lastBytes: 28 * MiB },
    atRest: { before: sampleAt(0), after: sampleAt(30 * minute) },
    leftovers: [],
    serverErrors: [],
    exit: 0,
    orphans: [],
    loopDelayMs: { p99: 1, max: 2 },
    usedCores: 1.2,
  };
}

describe("the verdict of a soak", () => {
  it("is sound if nothing is lost, wrong or left", async () => {
    const { faults, text } = judgeSoak(await soundFacts());
    assert.deepEqual(faults, []);
    assert.match(text, /verdict: sound$/);
  });

  const planted: readonly [
    what: string,
    fault: RegExp,
    plant: () => Promise<Partial<SoakFacts>>,
  ][] = [
    [
      "a request whose connection ended without an answer",
      /^1 requests lost$/,
      async () => ({ ledger: await ledgerWith("OK", undefined) }),
    ],
    [
      "a wrong code",
      /^1 unexpected answers$/,
      async () => ({ ledger: await ledgerWith("OK", "NotFound") }),
    ],
    ["no traffic", /^too little traffic/, async () => ({ ledger: new Ledger() })],
    [
      "live objects that grow by 1 MiB a minute",
      /^the server's live objects grew by 20\.0 MiB$/,
      async () => ({ live: { warmBytes: 27 * MiB, lastBytes: 47 * MiB } }),
    ],
    [
      "a server that grows by 8 MiB a minute",
      /^the server grew by 2\d\d\.\d MiB$/,
      async () => ({ samples: growing("serverBytes", 240 * MiB) }),
    ],
    [
      "hosts that grow by 8 MiB a minute",
      /^the process tree grew by 2\d\d\.\d MiB$/,
      async () => ({ samples: growing("treeBytes", 240 * MiB) }),
    ],
    [
      "handles that are left",
      /^45 handles at rest, 40 before$/,
      async () => ({ atRest: { before: sampleAt(0), after: sampleAt(1, { handles: 45 }) } }),
    ],
    [
      "a host that is left",
      /^4 hosts at rest, 3 before$/,
      async () => ({ atRest: { before: sampleAt(0), after: sampleAt(1, { hosts: 4 }) } }),
    ],
    [
      "memory that is still reserved",
      /^capacity is 1, not 2/,
      async () => ({ leftovers: ["capacity is 1, not 2: something is reserved"] }),
    ],
    ["an error in the log", /^1 errors in the log$/, async () => ({ serverErrors: ["{}"] })],
    ["a bad end", /^SIGTERM ended the server with 1$/, async () => ({ exit: 1 })],
    ["a process that outlives it", /^processes left over: 7$/, async () => ({ orphans: [7] })],
  ];
  for (const [what, fault, plant] of planted) {
    it(`sees ${what}`, async () => {
      const { faults, text } = judgeSoak({ ...(await soundFacts()), ...(await plant()) });
      assert.ok(
        faults.some((each) => fault.test(each)),
        faults.join("; "),
      );
      assert.match(text, /verdict: NOT SOUND/);
    });
  }
});
