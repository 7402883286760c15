import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { MemoryMonitor, type MonitoredHost } from "../../../../src/engine/hosts/memory-monitor.ts";

const MiB = 1024 * 1024;

interface Fake {
  /** In MiB. */
  readonly taken: number;
  readonly admitted: number;
  readonly isRunning?: boolean;
  readonly isLoading?: boolean;
}

/** Hosts that hold 50 MiB by right, and what became of them. */
function watch(t: TestContext, totalMiB: number, fakes: readonly Fake[]) {
  const ended: string[] = [];
  const caps: (readonly number[])[] = [];
  const hosts = fakes.map(
    ({ taken, admitted, isRunning = false, isLoading = false }, at): MonitoredHost => ({
      heldBytes: 50 * MiB,
      admittedBytes: admitted * MiB,
      isRunning,
      isLoading,
      lookAtKept: () => {},
      readMemory: () => ({ anonymousBytes: (50 + taken) * MiB, dataBytes: 1000 * MiB }),
      endIdle: (why) => ended.push(`idle ${at}: ${why}`),
      endRun: ({ kind, message }, bytes) => ended.push(`${at} ${kind} ${bytes / MiB}: ${message}`),
      lowerCap: (bytes, dataBytes) => caps.push([at, bytes / MiB, dataBytes / MiB]),
    }),
  );
  const watched = new MemoryMonitor({ totalBytes: totalMiB * MiB, hosts: () => hosts });
  t.after(() => watched.close());
  return { look: () => watched.look(), ended, caps };
}

describe("the watch on the memory of runs", () => {
  it("lets a host take more than its share while all together stay within the budget", (t) => {
    const { look, ended } = watch(t, 500, [
      { taken: 400, admitted: 10, isRunning: true },
      { taken: 100, admitted: 10, isRunning: true },
    ]);
    look();
    assert.deepEqual(ended, []);
  });

  it("ends the run that is furthest over its share, and says what it took", (t) => {
    const { look, ended } = watch(t, 500, [
      { taken: 400, admitted: 390, isRunning: true },
      { taken: 300, admitted: 50, isRunning: true },
    ]);
    look();
    assert.deepEqual(ended, [
      "1 over-budget 300: the run took 300 MiB, 50 MiB were expected, and all runs together may take 500 MiB " +
        "(RUN_MEMORY_BYTES): its engine host was killed",
    ]);
  });

  it("ends an idle host first that has kept what its runs took", (t) => {
    const { look, ended } = watch(t, 300, [
      { taken: 300, admitted: 100, isRunning: true },
      { taken: 200, admitted: 0 },
    ]);
    look();
    assert.deepEqual(ended, ["idle 1: it kept 200 MiB of what runs had taken"]);
  });

  it("leaves loads alone, and those who keep to their share", (t) => {
    const { look, ended } = watch(t, 100, [
      { taken: 900, admitted: 0, isLoading: true, isRunning: true },
      { taken: 190, admitted: 190, isRunning: true },
    ]);
    look();
    assert.deepEqual(ended, []);
  });

  it("lowers caps, now and then, to what runs were let take since the last time", (t) => {
    const { look, caps } = watch(t, 500, [{ taken: 0, admitted: 77 }]);
    for (let count = 0; count < 400; count++) look();
    assert.deepEqual(caps, [[0, 77, 1000]]);
  });
});
