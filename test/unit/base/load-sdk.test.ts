import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadSdk } from "../../../src/base/load-sdk.ts";

describe("a client library that is loaded when it is needed", () => {
  it("says what to install if it is not", async () => {
    const name = "@modelport/no-such-sdk";
    await assert.rejects(
      loadSdk(name, "3", () => import(name)),
      {
        kind: "failed-precondition",
        message: /npm install @modelport\/no-such-sdk@3$/,
      },
    );
  });

  it("does not call a broken one missing", async () => {
    const broken = Object.assign(new Error("Cannot find package 'other'"), {
      code: "ERR_MODULE_NOT_FOUND",
    });
    await assert.rejects(
      loadSdk("@modelport/sdk", "3", () => Promise.reject(broken)),
      broken,
    );
  });
});
