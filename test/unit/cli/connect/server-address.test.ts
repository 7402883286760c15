import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  environmentAddress,
  readServerAddress,
} from "../../../../src/cli/connect/server-address.ts";

describe("the address of a runtime", () => {
  for (const [text, url] of [
    ["localhost", "http://localhost:8085"],
    ["localhost:9000", "http://localhost:9000"],
    ["localhost:80", "http://localhost:80"],
    ["10.0.0.1:8085", "http://10.0.0.1:8085"],
    ["::1", "http://[::1]:8085"],
    ["[::1]:9000", "http://[::1]:9000"],
    ["http://models.example.com", "http://models.example.com:80"],
    ["https://models.example.com", "https://models.example.com:443"],
    ["https://models.example.com:8443/", "https://models.example.com:8443"],
  ] as const) {
    it(`may be ${text}`, () => {
      const address = readServerAddress(text);
      assert.equal(address.url, url);
      assert.equal(address.socketPath, undefined);
      assert.equal(address.isTls, url.startsWith("https:"));
    });
  }

  it("may be a unix socket, with an absolute or a relative path", () => {
    for (const [text, path] of [
      ["unix:/tmp/mmesh/grpc.sock", "/tmp/mmesh/grpc.sock"],
      ["unix:///tmp/mmesh/grpc.sock", "/tmp/mmesh/grpc.sock"],
      ["/tmp/mmesh/grpc.sock", "/tmp/mmesh/grpc.sock"],
      ["unix:grpc.sock", "grpc.sock"],
    ] as const) {
      assert.equal(readServerAddress(text).socketPath, path, text);
    }
  });

  it("may be nothing else", () => {
    for (const text of [
      "",
      "ftp://a",
      "http://a/b",
      "http://u:p@a",
      "a:b",
      "a:70000",
      "a b",
      "#",
      "unix:",
    ]) {
      assert.throws(() => readServerAddress(text), /is not an address/, text);
    }
  });

  it("follows the settings by which a runtime of the same environment listens", () => {
    const of = (env: Record<string, string>) => environmentAddress((name) => env[name]);
    assert.equal(of({}), "localhost:8085");
    assert.equal(of({ ADAPTER_PORT: "9000", LISTEN_HOST: "0.0.0.0" }), "localhost:9000");
    assert.equal(of({ LISTEN_HOST: "::" }), "localhost:8085");
    assert.equal(of({ LISTEN_HOST: "fd00::1" }), "[fd00::1]:8085");
    assert.equal(of({ LISTEN_HOST: "10.0.0.1" }), "10.0.0.1:8085");
    const tls = { TLS_CERT_PATH: "/tls/tls.crt" };
    assert.equal(of({ ...tls, ADAPTER_PORT: "9000" }), "https://localhost:9000");
    assert.equal(of({ ...tls, TLS_PLAINTEXT: "loopback" }), "localhost:8085");
    assert.equal(of({ ...tls, UNIX_SOCKET_PATH: "/run/mm.sock" }), "unix:/run/mm.sock");
  });
});
