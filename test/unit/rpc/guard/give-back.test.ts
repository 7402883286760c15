import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { GiveBack } from "../../../../src/rpc/guard/give-back.ts";

const MiB = 1024 ** 2;
const intervalMs = 1_000;

function start(t: TestContext) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const calls = { heldBytes: 0, takenBytes: 0 };
  const process = { bytes: 100 * MiB };
  const done: string[] = [];
  const giveBack = new GiveBack({
    calls,
    letGo: () => done.push("let go"),
    collect: ({ type }) => done.push(type),
    intervalMs,
    processBytes: () => process.bytes,
  });
  t.after(() => giveBack.close());
  return {
    calls,
    process,
    done,
    /** Calls take `bytes` until the next look. */
    take(bytes: number) {
      calls.takenBytes += bytes;
      t.mock.timers.tick(intervalMs);
    },
  };
}

describe("the memory that calls have taken", () => {
  it("is given back once when a burst is over, pools first", (t) => {
    const { done, take } = start(t);
    take(100 * MiB);
    take(50 * MiB);
    assert.deepEqual(done, []);
    take(MiB);
    assert.deepEqual(done, ["let go", "major"]);
    take(0);
    take(MiB);
    assert.equal(done.length, 2);
    take(100 * MiB);
    take(0);
    assert.equal(done.length, 4);
  });

  it("is given back once when the process has grown by something that calls do not account for", (t) => {
    const { process, done, take } = start(t);
    take(MiB);
    process.bytes = 160 * MiB;
    take(MiB);
    assert.deepEqual(done, []);
    process.bytes = 170 * MiB;
    take(MiB);
    assert.deepEqual(done, ["let go", "major"]);
    // It stays grown: that is what is in use now.
    take(MiB);
    process.bytes = 220 * MiB;
    take(MiB);
    assert.equal(done.length, 2);
    process.bytes = 240 * MiB;
    take(MiB);
    assert.equal(done.length, 4);
  });

  it("stays where calls are small, and while they hold it", (t) => {
    const { calls, done, take } = start(t);
    take(10 * MiB);
    take(0);
    assert.deepEqual(done, []);
    calls.heldBytes = 40 * MiB;
    take(40 * MiB);
    take(0);
    take(0);
    assert.deepEqual(done, []);
    calls.heldBytes = 0;
    take(0);
    assert.deepEqual(done, ["let go", "major"]);
  });
});
