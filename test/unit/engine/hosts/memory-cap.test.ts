import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { silentLog } from "../../../../src/engine/contract/engine-log.ts";
import { HostMemoryCap } from "../../../../src/engine/hosts/memory-cap.ts";
import { threadStackBytes } from "../../../../src/engine/process/thread-stacks.ts";

const MiB = 1024 * 1024;
const host = 4711;
const base = { baseBytes: 100 * MiB };

/** Notes the limits that were set, less the 100 MiB of the empty host; `fails` says which of them were not. */
function start(fails: (nth: number) => boolean = () => false, runMiB = 64) {
  const limits: number[] = [];
  const options = { runMemoryBytes: runMiB * MiB, log: silentLog };
  const cap = new HostMemoryCap(options, async (_, bytes) => {
    limits.push(bytes / MiB - 100);
    return fails(limits.length) ? new Error("timed out") : undefined;
  });
  return { cap, limits, allow: (mib: number) => allow(cap, mib) };
}

async function allow(cap: HostMemoryCap, mib: number): Promise<void> {
  await cap.allow(host, { baseBytes: 100 * MiB, modelBytes: mib * MiB, loadingBytes: 0 });
}

describe("the cap on a host's memory", () => {
  it("has room for the models, by steps, and for runs, and is not lowered for models that go", async () => {
    const { limits, allow } = start();
    for (const mib of [10, 100, 300, 20]) await allow(mib);
    assert.deepEqual(limits, [64 + 64, 192 + 64, 448 + 64]);
  });

  it("is lowered to what runs take, by doubled steps, and raised before one takes more", async () => {
    const { cap, limits, allow } = start(() => false, 1000);
    const lower = (mib: number, dataMiB: number) =>
      cap.lowerRuns(host, { ...base, bytes: mib * MiB, dataBytes: dataMiB * MiB });
    const raise = (mib: number) => cap.allowRuns(host, { ...base, bytes: mib * MiB });
    await allow(10);
    assert.equal(raise(1000), undefined);
    lower(140, 120);
    await new Promise(setImmediate);
    await raise(300);
    assert.equal(raise(512), undefined);
    await raise(513);
    assert.deepEqual(limits, [64 + 1000, 64 + 256, 64 + 512, 64 + 1000]);
    // It would have less than it takes.
    lower(140, 500);
    assert.equal(raise(1000), undefined);
    assert.equal(limits.length, 4);
  });

  it("is set again when somebody asks, if it could not be set before", async () => {
    const { limits, allow } = start((nth) => nth === 2);
    for (const mib of [10, 300, 300, 300]) await allow(mib);
    assert.deepEqual(limits, [64 + 64, 448 + 64, 448 + 64]);
  });

  it("lets a load that may take anything have what it was lent, and its model what it took", async () => {
    const { cap, limits, allow } = start();
    await cap.allowLoad(host, {
      baseBytes: 100 * MiB,
      mostBytes: 1_000 * MiB,
      loadingBytes: 7 * MiB,
      threads: 2,
    });
    await allow(30);
    assert.deepEqual(limits, [1_300 + 64 + 7 + threadStackBytes(2) / MiB, 64 + 64]);
  });
});
