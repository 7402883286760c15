import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readChallenge } from "../../../../src/storage/oci/challenge.ts";
import {
  helperFor,
  loginFor,
  parseDockerConfig,
} from "../../../../src/storage/oci/docker-config.ts";

const auth = (text: string) => ({ auth: Buffer.from(text).toString("base64") });
const login = (username: string, password: string) => ({ kind: "password", username, password });

describe("a login in Docker's configuration", () => {
  it("is found by the registry, however the key is written", () => {
    for (const key of ["quay.io", "https://quay.io", "https://quay.io/", "http://quay.io/v2/"]) {
      const config = { auths: { [key]: auth("me:a:b") } };
      assert.deepEqual(loginFor(config, "quay.io", "team/m"), login("me", "a:b"));
      assert.equal(loginFor(config, "quay.io:443", "team/m"), undefined);
      assert.equal(loginFor(config, "evil-quay.io", "team/m"), undefined);
    }
    const hub = { auths: { "https://index.docker.io/v1/": auth("me:x") } };
    assert.deepEqual(loginFor(hub, "docker.io", "library/m"), login("me", "x"));
  });

  it("is the one that names most of the repository", () => {
    const auths = {
      "quay.io": auth("a:a"),
      "quay.io/team": auth("b:b"),
      "quay.io/te": auth("c:c"),
    };
    assert.deepEqual(loginFor({ auths }, "quay.io", "team/m"), login("b", "b"));
    assert.deepEqual(loginFor({ auths }, "quay.io", "other/m"), login("a", "a"));
  });

  it("may be a token, an identity or none", () => {
    const of = (entry: object) => loginFor({ auths: { "q.io": entry } }, "q.io", "m");
    assert.deepEqual(of({ registrytoken: "t" }), { kind: "token", token: "t" });
    const identity = { kind: "identity", identityToken: "i" };
    assert.deepEqual(of({ ...auth("me:"), identitytoken: "i" }), identity);
    assert.deepEqual(of({ username: "me", password: "x" }), login("me", "x"));
    assert.equal(of({}), undefined);
    assert.equal(loginFor({ auths: [] }, "q.io", "m"), undefined);
    assert.equal(helperFor({ credsStore: "desktop" }, "q.io"), "desktop");
    assert.equal(helperFor({ credHelpers: { "q.io": "ecr" } }, "q.io"), "ecr");
  });

  it("is not shown by what says that it cannot be read", () => {
    for (const text of ["[]", "secret", '"secret"', '{"auths": secret']) {
      assert.throws(
        () => parseDockerConfig(text, "it"),
        (error: Error) => {
          assert.match(error.message, /^it is not a JSON object/);
          assert.doesNotMatch(error.message, /secret/);
          return true;
        },
      );
    }
  });
});

describe("a challenge of a registry", () => {
  it("is read with its quotes, the token's before the password's", () => {
    const text =
      'Basic realm="a, Bearer b", Bearer realm="https://x/t",service="a \\"b\\"",scope=s';
    assert.deepEqual(readChallenge(text), {
      scheme: "bearer",
      fields: { realm: "https://x/t", service: 'a "b"', scope: "s" },
    });
    assert.deepEqual(readChallenge("basic"), { scheme: "basic", fields: {} });
    assert.equal(readChallenge("Negotiate"), undefined);
    assert.equal(readChallenge(undefined), undefined);
  });
});
