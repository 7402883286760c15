import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { GiveBack } from "../../../../src/rpc/guard/give-back.ts";

const MiB = 1024 ** 2;
const intervalMs = 1_000;

function start(t: TestContext) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const calls = { heldBytes: 0, takenBytes: 0 };
  const process = { bytes: 100 * MiB, cpuMs: 0 };
  const done: string[] = [];
  const giveBack = new GiveBack({
    calls,
    letGo: () => done.push("let go"),
    collect: ({ type, flavor }) => done.push(flavor ?? type),
    intervalMs,
    processBytes: () => process.bytes,
    cpuMs: () => process.cpuMs,
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

  it("is given back when the process has grown by something that calls do not account for, once it is idle", (t) => {
    const { process, done, take } = start(t);
    take(MiB);
    process.bytes = 130 * MiB;
    take(MiB);
    assert.deepEqual(done, []);
    process.bytes = 135 * MiB;
    process.cpuMs += 0.9 * intervalMs;
    take(MiB);
    assert.deepEqual(done, [], "it is at work");
    take(MiB);
    assert.deepEqual(done, ["let go", "major"]);
    process.bytes = 240 * MiB;
    process.cpuMs += 0.9 * intervalMs;
    take(MiB);
    assert.deepEqual(done, ["let go", "major", "let go", "last-resort"], "it is too much to wait");
    process.bytes = 110 * MiB;
    take(MiB);
    assert.equal(done.length, 4);
  });

  it("is given back thoroughly if that did not help, and then ever more rarely", (t) => {
    const { process, done, take } = start(t);
    take(MiB);
    process.bytes = 140 * MiB;
    take(MiB);
    take(MiB);
    const both = ["let go", "major", "let go", "last-resort"];
    assert.deepEqual(done, both);
    for (let look = 0; look < 12; look++) take(MiB);
    assert.deepEqual(done, both, "it may need that much");
    take(MiB);
    take(MiB);
    assert.deepEqual(done, [...both, ...both]);
    for (let look = 0; look < 24; look++) take(MiB);
    assert.equal(done.length, 8);
    process.bytes = 120 * MiB;
    take(MiB);
    process.bytes = 200 * MiB;
    take(MiB);
    assert.equal(done.length, 10, "it has shrunk meanwhile");
  });

  it("is given back at once, and at any time, when it has grown much since the last collection", (t) => {
    const { calls, process, done, take } = start(t);
    take(MiB);
    const once = ["let go", "major"];
    for (let round = 1; round <= 8; round++) {
      process.bytes = 170 * MiB;
      process.cpuMs += 0.9 * intervalMs;
      take(MiB);
      assert.deepEqual(done, Array(round).fill(once).flat(), `round ${round}`);
      // It was needed, in part.
      process.bytes = 100 * MiB;
      take(MiB);
    }
    // What calls hold is not garbage.
    calls.heldBytes = 80 * MiB;
    process.bytes = 190 * MiB;
    take(80 * MiB);
    take(MiB);
    assert.equal(done.length, 16);
    process.bytes = 250 * MiB;
    take(MiB);
    assert.equal(done.length, 18, "the rest is");
  });

  it("is taken for needed if a collection has freed nothing", (t) => {
    const { process, done, take } = start(t);
    take(MiB);
    process.bytes = 190 * MiB;
    take(MiB);
    for (let look = 0; look < 12; look++) take(MiB);
    const twice = ["major", "last-resort"];
    const tried = [...twice, ...twice].flatMap((each) => ["let go", each]);
    assert.deepEqual(done, tried);
    process.bytes = 260 * MiB;
    take(MiB);
    assert.deepEqual(done, [...tried, "let go", "major"], "until it grows again");
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
