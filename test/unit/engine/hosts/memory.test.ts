import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RuntimeError } from "../../../../src/base/errors.ts";
import { HostMemory } from "../../../../src/engine/hosts/memory.ts";
import type { HostRun } from "../../../../src/engine/queue/host-queue.ts";

const MiB = 1024 * 1024;

/** The memory of a host that executes a run, and what becomes of both. */
function runningHost({ hasAll }: { readonly hasAll: boolean }) {
  const ended: string[] = [];
  const run: HostRun = {
    owner: {},
    isWanted: true,
    limitMs: 0,
    hasAll,
    giveUp: ({ message }) => ended.push(`given up: ${message}`),
    start: () => {},
  };
  const memory = new HostMemory(
    {
      process: {
        pid: 1,
        isAlive: true,
        baseMemoryBytes: 20 * MiB,
        baseDataBytes: 20 * MiB,
        memory: { read: () => undefined, close: () => {} },
        call: () => new Promise(() => {}),
        kill: async ({ message }: Error) => void ended.push(message),
      } as unknown as ConstructorParameters<typeof HostMemory>[0]["process"],
      queue: { front: run, isLoading: false },
      kind: "shared",
      committedBytes: 0,
      loadsAlone: false,
    },
    {
      runBudget: undefined,
      watch: { giveUpFront: (reason) => run.giveUp(reason) },
      maxWasteBytes: 0,
    } as ConstructorParameters<typeof HostMemory>[1],
  );
  return { memory, run, ended };
}

const tooMuch = new RuntimeError("over-budget", "it took too much");

describe("a run whose host is killed because all runs together took too much", () => {
  it("is not given up: it gets another chance with all the memory that runs may take", () => {
    const { memory, run, ended } = runningHost({ hasAll: false });
    memory.endRun(tooMuch, 100 * MiB);
    assert.equal(memory.crowded, run);
    assert.deepEqual(ended, ["the engine host was killed: it took too much"]);
  });

  it("is given up with its figures if it had all of that", () => {
    const { memory, ended } = runningHost({ hasAll: true });
    memory.endRun(tooMuch, 100 * MiB);
    assert.equal(memory.crowded, undefined);
    assert.deepEqual(ended, [
      "given up: it took too much",
      "the engine host was killed: it took too much",
    ]);
  });
});
