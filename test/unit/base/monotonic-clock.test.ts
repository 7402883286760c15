import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import { monotonicMs, ownMs } from "../../../src/base/monotonic-clock.ts";

const module = new URL("../../../src/base/monotonic-clock.ts", import.meta.url);

describe("the monotonic clock", () => {
  it("is the same for all that have a clock of their own, as threads and processes do", async () => {
    const beforeMs = monotonicMs(performance.now());
    const code = `import { parentPort } from "node:worker_threads";
      import { monotonicMs } from ${JSON.stringify(module.href)};
      parentPort.postMessage([monotonicMs(performance.now()), performance.now()]);`;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
    const [[there, ownThere]] = (await once(worker, "message")) as [[number, number]];
    const afterMs = monotonicMs(performance.now());
    assert.ok(beforeMs <= there && there <= afterMs, `${beforeMs} ${there} ${afterMs}`);
    // The thread is younger than this one: its own clock shows less.
    assert.ok(ownThere < performance.now());
    await worker.terminate();
  });

  it("is read without what comes between two readings", () => {
    const offsets = Array.from({ length: 200 }, () => {
      const ownBeforeMs = performance.now();
      const systemMs = Number(process.hrtime.bigint()) / 1e6;
      return [systemMs - monotonicMs(ownBeforeMs), performance.now() - ownBeforeMs] as const;
    });
    // Where the two readings follow closely, they agree closely.
    const [offsetMs, tookMs] = offsets.reduce((best, each) => (each[1] < best[1] ? each : best));
    assert.ok(Math.abs(offsetMs) <= tookMs + 0.05, `${offsetMs} in ${tookMs}`);
  });

  it("is converted back", () => {
    const nowMs = performance.now();
    assert.ok(Math.abs(ownMs(monotonicMs(nowMs)) - nowMs) < 1e-3);
  });
});
