import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { readTimeoutUs, signalWithTimeout } from "../../../src/rpc/inference-timeout.ts";

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

describe("a signal with a timeout", () => {
  it("aborts with deadline-exceeded when the time is over", async () => {
    const signal = signalWithTimeout(new AbortController().signal, 1_000n);
    assert.equal(signal.aborted, false);
    await once(signal, "abort");
    assert.equal(signal.reason.kind, "deadline-exceeded");
  });

  it("aborts with the other signal, for its reason", () => {
    const caller = new AbortController();
    const signal = signalWithTimeout(caller.signal, 60_000_000n);
    const reason = new Error("gone");
    caller.abort(reason);
    assert.equal(signal.reason, reason);
  });

  it("is the other signal where there is no time to watch", () => {
    const gone = AbortSignal.abort();
    assert.equal(signalWithTimeout(gone, 1n), gone);
    const { signal } = new AbortController();
    assert.equal(signalWithTimeout(signal, undefined), signal);
    // Longer than a timer can count.
    assert.equal(signalWithTimeout(signal, 2n ** 63n), signal);
  });
});
