import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ArenaStep, arenaBytes } from "../../../../../src/engine/onnx/memory/onnx-arena.ts";

const MiB = 1024 * 1024;

/** Sizes in MiB by the number of their piece; "-3" ends piece 3. */
function run(...steps: readonly (string | number)[]) {
  let pieces = 0;
  const parsed = steps.map((step): ArenaStep => {
    if (typeof step === "string") return { tag: "free", piece: -Number(step) };
    return { tag: "allocate", piece: ++pieces, bytes: step * MiB };
  });
  return { steps: parsed, peakBytes: 0 };
}

describe("the arena of ONNX Runtime, simulated", () => {
  it("uses again what has ended, in the same run and in the next", () => {
    const twice = run(3, "-1", 3, "-2");
    assert.equal(arenaBytes([twice, twice]), 3 * MiB);
  });

  it("keeps what smaller runs have left when a bigger one does not fit into it", () => {
    assert.equal(arenaBytes([run(3), run(9)]), 12 * MiB);
    // The region of the first was larger than it needed: 16 MiB have room for both.
    assert.equal(arenaBytes([run(9), run(3)]), 9 * MiB);
  });

  it("joins neighbours that have both ended", () => {
    // One region of 8 MiB: two of 2 MiB make room for one of 4 MiB.
    assert.equal(arenaBytes([run(7), run(2, 2, "-1", "-2", 4)]), 7 * MiB);
  });

  it("counts what was handed out, not the whole region", () => {
    assert.equal(arenaBytes([run(5)]), 5 * MiB);
    assert.equal(arenaBytes([run(0.25)]), 0.25 * MiB);
  });

  it("takes the smallest piece that is big enough, and cuts it only if half of it would remain", () => {
    // 3 MiB lie in 4; 2.5 MiB take all of them, so that 1 MiB more needs another region.
    const steps = run(3, "-1", 2.5, 1.5);
    assert.equal(arenaBytes([steps]), 4.5 * MiB);
  });

  it("estimates runs of very many steps", () => {
    const steps = Array.from({ length: 70_000 }, (_, piece): ArenaStep => {
      return { tag: "allocate", piece, bytes: 1 };
    });
    assert.equal(arenaBytes([{ steps, peakBytes: 10 * MiB }]), 15 * MiB);
  });
});
