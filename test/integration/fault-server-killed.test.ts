import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { codeIn, valuesIn } from "../support/clients/calls.ts";
import { canMeasureTrees, cpuMsOf, measureTree } from "../support/processes/process-tree.ts";
import { isRunning } from "../support/servers/engine-fixture.ts";
import {
  type ServedCalls,
  startServedCalls,
  writeServedModels,
} from "../support/servers/served-calls.ts";
import { waitFor } from "../support/wait-for.ts";

describe("a server that is killed by SIGKILL", { timeout: 300_000, skip: !canMeasureTrees }, () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "modelport-killed-"));
    await writeServedModels(root);
  });
  after(() => rm(root, { recursive: true, force: true }));

  interface Running extends ServedCalls {
    hostPids(): Promise<readonly number[]>;
  }

  async function start(t: TestContext, port = 0): Promise<Running> {
    const { served, calls } = await startServedCalls(t, root, ["--port", `${port}`]);
    const hostPids = async () => {
      const { pids } = await measureTree(served.pid);
      return pids.filter((pid) => pid !== served.pid);
    };
    return { served, calls, hostPids };
  }

  async function killAndTime(t: TestContext, { served, hostPids }: Running): Promise<void> {
    const pids = await hostPids();
    assert.ok(pids.length >= 2, "there are hosts to lose");
    const killedMs = performance.now();
    assert.equal(await served.stop("SIGKILL"), "SIGKILL");
    await waitFor(() => !pids.some(isRunning));
    t.diagnostic(`${pids.length} hosts gone ${(performance.now() - killedMs).toFixed(0)} ms later`);
  }

  it("takes its hosts along, also out of runs that never end", async (t) => {
    const running = await start(t);
    const { calls, hostPids } = running;
    for (const id of ["a", "b"]) assert.equal(codeIn(await calls.load(id, "slow.onnx")), "OK");
    const runs = ["a", "b"].map((id) => calls.inferSlowly(id, 1_000_000_000));
    await waitUntilBusy(await hostPids(), 2);
    await killAndTime(t, running);
    for (const run of runs) assert.equal(codeIn(await run), "Unavailable");
  });

  it("takes its hosts along, also out of loads", async (t) => {
    const running = await start(t);
    // Hosts that start compute as well.
    assert.equal(codeIn(await running.calls.load("m", "add1.onnx")), "OK");
    const loading = running.calls.load("big", "big.onnx");
    await waitUntilBusy(await running.hostPids(), 1);
    await killAndTime(t, running);
    assert.equal(codeIn(await loading), "Unavailable");
  });

  it("can be started again at once on its port, and holds loads until its hosts are up", async (t) => {
    const first = await start(t);
    assert.equal(codeIn(await first.calls.load("m", "add1.onnx")), "OK");
    await killAndTime(t, first);
    const startedMs = performance.now();
    // ModelMesh does not ask a runtime that came back for its status: it goes on as if nothing had been.
    const { calls } = await start(t, first.served.port);
    assert.equal(codeIn(await calls.infer("m")), "NotFound");
    assert.equal(codeIn(await calls.load("m", "add1.onnx")), "OK");
    assert.deepEqual(valuesIn(await calls.infer("m")), [2, 3, 4, 5]);
    t.diagnostic(`serves ${(performance.now() - startedMs).toFixed(0)} ms after its start`);
  });
});

/** Resolves when `count` of these processes compute. */
async function waitUntilBusy(pids: readonly number[], count: number): Promise<void> {
  const before = await Promise.all(pids.map(cpuMsOf));
  for (let tries = 0; tries < 500; tries++) {
    const now = await Promise.all(pids.map(cpuMsOf));
    const busy = now.filter((ms, at) => ms - (before[at] ?? 0) > 100);
    if (busy.length >= count) return;
    await sleep(20);
  }
  throw new Error(`${count} hosts did not become busy`);
}
