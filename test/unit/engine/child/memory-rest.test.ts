import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryRest } from "../../../../src/engine/child/memory-rest.ts";

const MiB = 1024 * 1024;

/** A host's memory that counts how often it was given back; each time it falls to what is in use. */
function fakeMemory() {
  const memory = { usedBytes: 40 * MiB, freeBytes: 0, times: 0 };
  const rest = new MemoryRest({
    nativeBytes: () => memory.usedBytes + memory.freeBytes,
    giveBack: () => {
      memory.freeBytes = 0;
      memory.times++;
    },
    startMs: 0,
  });
  rest.now();
  memory.times = 0;
  return { memory, rest };
}

describe("when a host gives memory back", () => {
  it("does when it is idle and has grown, not for next to nothing", () => {
    const { memory, rest } = fakeMemory();
    memory.freeBytes = 100 * 1024;
    rest.idle();
    assert.equal(memory.times, 0);
    memory.freeBytes = MiB;
    rest.idle();
    rest.idle();
    assert.deepEqual([memory.times, memory.freeBytes], [1, 0]);
  });

  it("does every two seconds if it is never idle, and only if it has grown by much", () => {
    const { memory, rest } = fakeMemory();
    memory.freeBytes = 100 * MiB;
    rest.busy(249);
    assert.equal(memory.times, 0);
    rest.busy(250);
    assert.equal(memory.times, 1);
    memory.freeBytes = 100 * MiB;
    rest.busy(499);
    assert.equal(memory.times, 1);
    memory.freeBytes = 15 * MiB;
    rest.busy(500);
    assert.equal(memory.times, 1);
  });

  it("does not take what a run still holds for what the host holds at rest", () => {
    const { memory, rest } = fakeMemory();
    // Of which the tensors of the run go only after it.
    memory.usedBytes += 20 * MiB;
    rest.busy(250);
    memory.usedBytes -= 20 * MiB;
    memory.freeBytes = 20 * MiB;
    rest.idle();
    assert.equal(memory.freeBytes, 0);
  });

  it("does after an unload, although it has not grown", () => {
    const { memory, rest } = fakeMemory();
    memory.usedBytes -= 10 * MiB;
    memory.freeBytes = 10 * MiB;
    rest.idle();
    assert.equal(memory.times, 0);
    rest.expect();
    rest.idle();
    assert.deepEqual([memory.times, memory.freeBytes], [1, 0]);
  });
});
