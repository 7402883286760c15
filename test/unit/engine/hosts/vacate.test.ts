import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { silentLog } from "../../../../src/engine/contract/engine-log.ts";
import type { EngineHost } from "../../../../src/engine/hosts/engine-host.ts";
import { type Adoption, vacate } from "../../../../src/engine/hosts/vacate.ts";
import { waitFor } from "../../../support/wait-for.ts";

const options = { mostBytes: 100, intervalMs: 1, log: silentLog };

/** A busy host, and one that takes its models. */
function start({ residentBytes = 100, hasSpare = true, fails = false } = {}) {
  const host = {
    process: { pid: 1, isAlive: true },
    residentBytes,
    modelCount: 3,
    committedBytes: 1,
  };
  const adoptions: Adoption[] = [];
  const successor = {
    process: { pid: 2 },
    async adoptFrom(_: unknown, adoption: Adoption) {
      adoptions.push(adoption);
      if (fails) throw new Error("the successor was lost");
      // What the host was at has ended, and is loaded.
      if (!adoption.isBusy) host.committedBytes = 0;
    },
  };
  const ends: boolean[] = [];
  const pool = {
    sharedHosts: () => [],
    replace: () => (hasSpare ? (successor as unknown as EngineHost) : undefined),
    finish: (_: unknown, isEmpty: boolean) => void ends.push(isEmpty),
  };
  const stuck = {};
  const run = () => vacate(pool, host as unknown as EngineHost, stuck, options);
  return { host, adoptions, ends, stuck, run };
}

describe("having the models of a busy host move", () => {
  it("leaves the model whose run it is, and does not wait for the host", async () => {
    const { host, adoptions, ends, stuck, run } = start();
    assert.equal(await run(), "moved");
    assert.deepEqual(adoptions, [{ isBusy: true, stuck }]);
    // As whoever asked for it does now.
    host.process.isAlive = false;
    await waitFor(() => ends.length > 0);
    assert.deepEqual([adoptions.length, ends], [1, [true]]);
  });

  it("has the rest follow from a host that went on after all, and gives that up", async () => {
    const { adoptions, ends, run } = start();
    assert.equal(await run(), "moved");
    await waitFor(() => ends.length > 0);
    assert.deepEqual(adoptions[1], { isBusy: false });
    assert.deepEqual(ends, [true]);
  });

  it("does nothing without a host that could take them, or for more bytes than may be there twice", async () => {
    const none = start({ hasSpare: false });
    assert.equal(await none.run(), "not-now");
    const big = start({ residentBytes: 101 });
    assert.equal(await big.run(), "stayed");
    await turn();
    assert.deepEqual([none.adoptions, none.ends, big.adoptions, big.ends], [[], [], [], []]);
  });

  it("lets the host take models again if they could not all move", async () => {
    const { ends, run } = start({ fails: true });
    assert.equal(await run(), "stayed");
    assert.deepEqual(ends, [false]);
  });
});
