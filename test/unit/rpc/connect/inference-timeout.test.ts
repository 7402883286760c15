import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe, it } from "node:test";
import type { CancelSignal } from "../../../../src/base/cancel-signal.ts";
import { readTimeoutUs, withTimeout } from "../../../../src/rpc/connect/inference-timeout.ts";

describe("the parameter timeout", () => {
  it("is an integer or its digits, and 0 stands for none", () => {
    for (const parameter of [5n, 5, "5"]) assert.equal(readTimeoutUs(parameter), 5n);
    for (const parameter of [undefined, 0n, 0, "0"]) {
      assert.equal(readTimeoutUs(parameter), undefined);
    }
  });

  it("is refused if it is anything else", () => {
    for (const parameter of [-1n, -1, 0.5, Number.NaN, "", "-1", "1e3", "soon", true, null, {}]) {
      assert.throws(() => readTimeoutUs(parameter), { kind: "invalid-argument" });
    }
  });
});

describe("work with a timeout", () => {
  const untilAborted = (signal: CancelSignal) =>
    new Promise<never>((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });

  it("is aborted with deadline-exceeded when the time is over", async () => {
    const { signal } = new AbortController();
    const work = withTimeout({ signal, timeoutUs: 1_000n }, untilAborted);
    await assert.rejects(work, { kind: "deadline-exceeded" });
  });

  it("is aborted with the caller's signal, for its reason", async () => {
    const caller = new AbortController();
    const work = withTimeout({ signal: caller.signal, timeoutUs: 60_000_000n }, untilAborted);
    caller.abort(new Error("gone"));
    await assert.rejects(work, { message: "gone" });
  });

  it("leaves no timer and no listener behind, however it ends", async () => {
    const { signal } = new AbortController();
    const timeout = { signal, timeoutUs: 60_000_000n };
    const timersBefore = timers();
    assert.equal(await withTimeout(timeout, async () => "done"), "done");
    await assert.rejects(withTimeout(timeout, () => Promise.reject(new Error("failed"))));
    assert.equal(timers(), timersBefore);
    assert.deepEqual(getEventListeners(signal, "abort"), []);
  });

  it("gets the caller's own signal where there is no time to watch", async () => {
    const given = (signal: CancelSignal, timeoutUs: bigint | undefined) =>
      withTimeout({ signal, timeoutUs }, async (within) => within);
    const gone = AbortSignal.abort();
    assert.equal(await given(gone, 1n), gone);
    const { signal } = new AbortController();
    assert.equal(await given(signal, undefined), signal);
    // Longer than a timer can count.
    assert.equal(await given(signal, 2n ** 63n), signal);
  });
});

function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
}
