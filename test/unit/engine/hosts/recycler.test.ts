import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { silentLog } from "../../../../src/engine/contract/engine-log.ts";
import type { EngineHost } from "../../../../src/engine/hosts/engine-host.ts";
import { HostRecycler } from "../../../../src/engine/hosts/recycler.ts";

const intervalMs = 1_000;

/** Looks when it is told to at a host that always wastes too much. `hasSpare`: of each attempt. */
function start(t: TestContext, hasSpare: (attempt: number) => boolean, isAtRun = false) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const process = { pid: 1 };
  const facts = { process, isAtRun, wasteBytes: async () => 100, committedBytes: 0 };
  const host = facts as unknown as EngineHost;
  let looks = 0;
  const attempts: number[] = [];
  const recycler = new HostRecycler(
    {
      sharedHosts: () => [host],
      replace: () => (hasSpare(attempts.push(looks)) ? host : undefined),
      finish: () => {},
    },
    { maxWasteBytes: 10, intervalMs, log: silentLog },
  );
  t.after(() => recycler.close());
  const look = async (times: number) => {
    for (let time = 0; time < times; time++) {
      looks++;
      t.mock.timers.tick(intervalMs);
      for (let count = 0; count < 3; count++) await turn();
    }
  };
  return { attempts, look };
}

describe("the recycler of hosts", () => {
  it("rests longer and longer between recyclings that did not help", async (t) => {
    const { attempts, look } = start(t, () => true);
    await look(50);
    assert.deepEqual(attempts, [2, 14, 38]);
  });

  it("waits for six looks where runs are under way, whose memory is no waste", async (t) => {
    const { attempts, look } = start(t, () => true, true);
    await look(5);
    assert.deepEqual(attempts, []);
    await look(1);
    assert.deepEqual(attempts, [6]);
  });

  it("tries again at the next look if there was no spare host", async (t) => {
    const { attempts, look } = start(t, (attempt) => attempt >= 3);
    await look(10);
    assert.deepEqual(attempts, [2, 3, 4]);
    await look(10);
    assert.deepEqual(attempts, [2, 3, 4, 16]);
  });
});
