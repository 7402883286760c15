import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isLoopback } from "../../../../src/rpc/port/loopback.ts";

describe("a loopback address", () => {
  it("is any of 127.0.0.0/8 or ::1, in every spelling that a socket reports", () => {
    for (const address of [
      "127.0.0.1",
      "127.9.8.7",
      "::1",
      "::ffff:127.0.0.1",
      "::FFFF:127.0.0.1",
    ]) {
      assert.ok(isLoopback(address), address);
    }
  });

  it("is nothing else", () => {
    const others = [
      "",
      "10.0.0.1",
      "128.0.0.1",
      "127.0.0.1.evil.example",
      "127.evil",
      "::",
      "fe80::1",
    ];
    for (const address of [...others, "::ffff:10.0.0.1", "::127.0.0.1", "localhost"]) {
      assert.ok(!isLoopback(address), address);
    }
  });
});
