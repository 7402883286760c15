import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hostKeeping } from "../../../../src/engine/hosts/environment.ts";
import { returnsFreeMemory } from "../../../../src/engine/process/free-memory.ts";

const MiB = 1024 * 1024;

describe("what a host keeps of freed memory", { skip: !returnsFreeMemory() }, () => {
  it("is an eighth of what all runs share, since other hosts cannot have it", () => {
    assert.equal(hostKeeping(200 * MiB).keptTopBytes, 25 * MiB);
    assert.ok(hostKeeping(200 * MiB).mappedFromBytes <= 25 * MiB);
  });

  it("has bounds, and is the most that helps where runs have no limit", () => {
    assert.equal(hostKeeping(MiB).keptTopBytes, 4 * MiB);
    assert.equal(hostKeeping(64 * 1024 * MiB).keptTopBytes, 128 * MiB);
    assert.deepEqual(hostKeeping(0), { mappedFromBytes: 32 * MiB, keptTopBytes: 128 * MiB });
  });
});
