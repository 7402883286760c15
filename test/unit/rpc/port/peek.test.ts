import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { httpVersionOf } from "../../../../src/rpc/port/peek.ts";

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

describe("the HTTP version of a connection", () => {
  it("is open while the bytes may become the preface of HTTP/2", () => {
    for (let length = 0; length < preface.length; length++) {
      assert.equal(httpVersionOf(Buffer.from(preface.slice(0, length))), undefined);
    }
  });

  it("is HTTP/2 once the preface is there, whatever follows", () => {
    assert.equal(httpVersionOf(Buffer.from(preface)), "http2");
    assert.equal(httpVersionOf(Buffer.from(`${preface}\0\0\0`)), "http2");
  });

  it("is HTTP/1.1 at the first byte that differs", () => {
    for (const head of ["G", "POST", "PRI * HTTP/1", `${preface.slice(0, 23)}x`, "\x16\x03"]) {
      assert.equal(httpVersionOf(Buffer.from(head, "latin1")), "http1", head);
    }
  });
});
