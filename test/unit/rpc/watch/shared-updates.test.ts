import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CallerSchema,
  WatchResponseSchema,
} from "../../../../gen/modelport/v1/runtime_watch_pb.ts";
import { RuntimeError } from "../../../../src/base/errors.ts";
import { SharedUpdates } from "../../../../src/rpc/watch/shared-updates.ts";
import type { FeedUpdate } from "../../../../src/service/contract/runtime-feed.ts";
import { watchFixture } from "../../../support/fakes/watch-fixture.ts";

/** An update with something in every field. */
function richUpdates(): { readonly snapshot: FeedUpdate; readonly delta: FeedUpdate } {
  const { watch, add, finishLoad, unload, fail } = watchFixture();
  const gone = add("gone");
  finishLoad(gone);
  const stop = watch.watch();
  const { revision } = watch.snapshot();
  unload(gone);
  finishLoad(add("here"), 2 ** 40);
  fail(add("broken"), new RuntimeError("load-failed", "no such operator ✗"));
  const delta = watch.since(revision);
  const snapshot = watch.snapshot();
  stop();
  assert.ok(delta !== undefined);
  return { snapshot, delta };
}

describe("updates that are shared", () => {
  const { snapshot, delta } = richUpdates();
  const caller = create(CallerSchema, { mayChangeModels: true });

  it("are the same message, encoded before or not", () => {
    const shared = new SharedUpdates();
    for (const parts of [
      { update: delta, caller: undefined },
      { update: snapshot, caller },
    ]) {
      const plain = shared.response(parts);
      const encoded = toBinary(WatchResponseSchema, shared.encodedResponse(parts));
      assert.deepEqual(fromBinary(WatchResponseSchema, encoded), plain);
      assert.equal(plain.update.case, parts.caller === undefined ? "delta" : "snapshot");
    }
    const { update } = shared.response({ update: delta, caller: undefined });
    assert.ok(update.case === "delta");
    assert.deepEqual(update.value.removedGenerations, [1n]);
    assert.deepEqual(
      update.value.models.map(({ id }) => id),
      ["here", "broken"],
    );
    assert.equal(update.value.events.length, 3);
    assert.equal(update.value.runtime?.watchers, 1);
  });

  it("are encoded once for all who get them", () => {
    const shared = new SharedUpdates();
    for (const parts of [
      { update: delta, caller: undefined },
      { update: snapshot, caller },
    ]) {
      const [first, second] = [shared.encodedResponse(parts), shared.encodedResponse(parts)];
      assert.notEqual(first, second);
      assert.ok((first.$unknown?.[0]?.data.length ?? 0) > 100);
      assert.equal(first.$unknown?.[0]?.data, second.$unknown?.[0]?.data);
    }
  });
});
