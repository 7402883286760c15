import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Cancellation, type CancelSignal } from "../../../src/base/cancel-signal.ts";

type Kind = { readonly signal: CancelSignal; abort(reason: unknown): void };

/** What the one must have in common with the other. */
const kinds: Readonly<Record<string, () => Kind>> = {
  "a cancellation": () => {
    const cancellation = new Cancellation();
    return { signal: cancellation, abort: (reason) => cancellation.abort(reason) };
  },
  "an AbortSignal": () => new AbortController(),
};

for (const [name, create] of Object.entries(kinds)) {
  describe(name, () => {
    it("is not aborted before it is, and then for the first reason", () => {
      const { signal, abort } = unbound(create());
      assert.equal(signal.aborted, false);
      assert.equal(signal.reason, undefined);
      signal.throwIfAborted();
      const first = new Error("first");
      abort(first);
      abort(new Error("second"));
      assert.equal(signal.aborted, true);
      assert.equal(signal.reason, first);
      assert.throws(() => signal.throwIfAborted(), first);
    });

    it("calls functions and objects once, in their order, with the reason there", () => {
      const { signal, abort } = unbound(create());
      const heard: string[] = [];
      signal.addEventListener("abort", () => heard.push(`function ${signal.reason}`));
      signal.addEventListener("abort", { handleEvent: () => heard.push("object") });
      abort("now");
      abort("again");
      assert.deepEqual(heard, ["function now", "object"]);
    });

    it("takes a listener once, and off again", () => {
      const { signal, abort } = unbound(create());
      let calls = 0;
      const stays = () => calls++;
      const leaves = () => assert.fail("was taken off");
      for (const listener of [stays, leaves, stays]) signal.addEventListener("abort", listener);
      signal.removeEventListener("abort", leaves);
      signal.removeEventListener("abort", () => {});
      abort("now");
      assert.equal(calls, 1);
    });

    it("does not call who comes too late", () => {
      const { signal, abort } = unbound(create());
      abort("now");
      signal.addEventListener("abort", () => assert.fail("came too late"));
      abort("again");
    });
  });
}

function unbound(kind: Kind): Kind {
  return { signal: kind.signal, abort: (reason) => kind.abort(reason) };
}
