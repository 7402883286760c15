import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressOf, readReference } from "../../../../src/storage/oci/reference.ts";

const digest = `sha256:${"a".repeat(64)}`;

describe("the reference of an image", () => {
  const read: readonly [string, string, string, string][] = [
    ["quay.io/team/m", "quay.io", "team/m", "latest"],
    ["quay.io/team/m:v1", "quay.io", "team/m", "v1"],
    [`quay.io/team/m@${digest}`, "quay.io", "team/m", digest],
    [`quay.io:8443/team/m:v1@${digest}`, "quay.io:8443", "team/m", digest],
    ["localhost/m", "localhost", "m", "latest"],
    ["[::1]:5000/a/b__c/d--e.f:x", "[::1]:5000", "a/b__c/d--e.f", "x"],
    ["docker.io/busybox", "docker.io", "library/busybox", "latest"],
    ["docker.io/team/m", "docker.io", "team/m", "latest"],
  ];
  for (const [text, registry, repository, version] of read) {
    it(`is read: ${text}`, () => {
      assert.deepEqual(readReference(text), { registry, repository, version });
    });
  }

  for (const text of [
    "",
    "m",
    "team/m:v1",
    "quay.io/",
    "quay.io/Team/m",
    "quay.io/../m",
    "q.io/m:",
    "q.io/m@sha256:1",
    "u:p@q.io/m",
  ]) {
    it(`is refused: '${text}'`, () => {
      assert.throws(() => readReference(text), { kind: "invalid-argument" });
    });
  }

  it("is asked for over HTTPS, except on this machine", () => {
    assert.equal(addressOf("quay.io"), "https://quay.io");
    assert.equal(addressOf("docker.io"), "https://registry-1.docker.io");
    assert.equal(addressOf("localhost.example:80"), "https://localhost.example:80");
    assert.equal(addressOf("localhost:5000"), "http://localhost:5000");
    assert.equal(addressOf("127.0.0.1:5000"), "http://127.0.0.1:5000");
  });
});
