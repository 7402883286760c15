import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  JoiningState,
  ModelState,
  ModelStatusSchema,
} from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import { joiningText, stateName } from "../../../src/clients/state-names.ts";

describe("the name of a state", () => {
  it("is a word, and unknown for a state of a newer server", () => {
    assert.equal(stateName(ModelState.READY), "ready");
    assert.equal(stateName(99 as ModelState), "unknown");
  });

  it("of joining has its reason, and is undefined where the server does not give it", () => {
    const joining = { state: JoiningState.PROVEN, reason: "rows are independent" };
    assert.equal(
      joiningText(create(ModelStatusSchema, { joining })),
      "proven: rows are independent",
    );
    assert.equal(joiningText(create(ModelStatusSchema)), undefined);
  });
});
