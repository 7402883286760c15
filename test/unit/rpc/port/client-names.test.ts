import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { alternativeNames } from "../../../../src/rpc/port/client-names.ts";

describe("the names in a client's certificate", () => {
  it("are those of DNS and the URIs, and no others", () => {
    const text =
      "DNS:ops.example, IP Address:10.0.0.1, email:a@b.example, URI:spiffe://example.com/ops";
    assert.deepEqual(alternativeNames(text), ["DNS:ops.example", "URI:spiffe://example.com/ops"]);
    assert.deepEqual(alternativeNames(""), []);
  });

  it("are not made of what stands within a name", () => {
    // As Node writes a DNS name of "a, URI:spiffe://example.com/ops".
    assert.deepEqual(alternativeNames('DNS:"a\\u002c URI:spiffe://example.com/ops"'), [
      "DNS:a, URI:spiffe://example.com/ops",
    ]);
    assert.deepEqual(alternativeNames('URI:"x:\\", DNS:ops.example", DNS:b'), [
      'URI:x:", DNS:ops.example',
      "DNS:b",
    ]);
    assert.deepEqual(alternativeNames("DNS:URI:spiffe://example.com/ops"), [
      "DNS:URI:spiffe://example.com/ops",
    ]);
  });

  it("are none where they cannot be told apart", () => {
    for (const text of [
      'DNS:"open',
      "ops.example",
      "DNS:a,URI:b",
      "DNS:a, ",
      'DNS:a"b',
      "DNS:a, b",
    ]) {
      assert.deepEqual(alternativeNames(text), [], text);
    }
  });
});
