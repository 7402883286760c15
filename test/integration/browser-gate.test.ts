import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { describe, it } from "node:test";
import { exchange, grpcFrame, postGrpc } from "../support/clients/raw-http.ts";
import { startFakeServer } from "../support/fakes/fake-server.ts";

const ops = "https://ops.example.com";
const browserRules = {
  allowedOrigins: new Set([ops]),
  allowedHosts: new Set(["models.example.com"]),
};

interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Exactly these headers, which fetch would not send. */
function send(port: number, { method = "POST", path, host, headers = {}, body }: Sent) {
  const lines = Object.entries({
    Host: host ?? `localhost:${port}`,
    Connection: "close",
    ...(body === undefined ? {} : { "Content-Length": `${body.length}` }),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}`);
  return exchange(port, `${method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${body ?? ""}`);
}

const unload: Sent = {
  path: "/mmesh.ModelRuntime/unloadModel",
  headers: { "Content-Type": "application/json" },
  body: '{"modelId":"echo"}',
};
const withHeaders = (sent: Sent, headers: Record<string, string>): Sent => ({
  ...sent,
  headers: { ...sent.headers, ...headers },
});

describe("the gate for browsers", () => {
  it("refuses DNS rebinding on every path, whatever the method", async (t) => {
    const { address, models } = await startFakeServer(t, { browserRules });
    const host = `evil.example:${address.port}`;
    const origin = { Origin: `http://${host}` };
    const browser = { "User-Agent": "Mozilla/5.0" };
    for (const sent of [
      withHeaders(unload, origin),
      { path: "/v2/repository/models/versioned/unload", headers: origin, body: "{}" },
      { path: "/v2/models/add-one/infer", headers: origin, body: "{}" },
      { path: "/inference.GRPCInferenceService/RepositoryIndex", headers: origin, body: "{}" },
      { method: "GET", path: "/v2/models", headers: browser },
      { method: "GET", path: "/", headers: { ...browser, Accept: "text/html" } },
      { method: "GET", path: "/modelport.v1.RuntimeWatchService/GetSnapshot?x", headers: browser },
    ]) {
      const answer = await send(address.port, { ...sent, host });
      assert.match(
        answer,
        /^HTTP\/1\.1 403 .*may not call this server as 'evil\.example'/s,
        sent.path,
      );
    }
    assert.deepEqual(models.calls, []);
  });

  it("refuses the requests that browsers send across sites without asking first", async (t) => {
    const { address, models } = await startFakeServer(t, { browserRules });
    const simple = { Origin: "https://evil.example", "Content-Type": "text/plain" };
    for (const sent of [
      { path: "/v2/repository/models/versioned/unload", headers: simple, body: "{}" },
      { path: "/v2/models/echo/infer", headers: simple, body: '{"inputs":[]}' },
      { path: "/mmesh.ModelRuntime/unloadModel", headers: simple, body: '{"modelId":"echo"}' },
      {
        path: "/v2/repository/models/versioned/unload",
        headers: { Origin: "null", "Content-Type": "application/x-www-form-urlencoded" },
        body: "a=b",
      },
      {
        method: "GET",
        path: "/v2/models",
        headers: { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors" },
      },
    ]) {
      assert.match(await send(address.port, sent), /^HTTP\/1\.1 403 /, sent.path);
    }
    assert.deepEqual(models.calls, []);
  });

  it("lets links of other sites lead here, but not their forms: what is navigated to is only read", async (t) => {
    const { address, models } = await startFakeServer(t, { browserRules });
    const navigation = { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate" };
    const link = { method: "GET", path: "/v2/models", headers: navigation };
    assert.match(await send(address.port, link), /^HTTP\/1\.1 200 /);
    const form = { ...navigation, "Content-Type": "application/x-www-form-urlencoded" };
    for (const headers of [navigation, form, { ...form, Origin: "https://evil.example" }]) {
      for (const path of ["/v2/repository/models/versioned/unload", unload.path]) {
        const answer = await send(address.port, { path, headers, body: "a=b" });
        assert.match(answer, /^HTTP\/1\.1 403 /, path);
      }
    }
    assert.deepEqual(models.calls, []);
  });

  it("says so in the form of each protocol, and in the log", async (t) => {
    const { address, logged } = await startFakeServer(t, { browserRules });
    const origin = { Origin: "https://evil.example" };
    const asConnect = await send(address.port, withHeaders(unload, origin));
    assert.match(asConnect, /^HTTP\/1\.1 403 .*\{"code":"permission_denied","message":"pages of/s);
    const grpcWeb = { ...origin, "Content-Type": "application/grpc-web+proto" };
    const asGrpcWeb = await send(address.port, withHeaders(unload, grpcWeb));
    assert.match(asGrpcWeb, /^HTTP\/1\.1 200 .*grpc-status: 7\r\n.*grpc-message: pages of/is);
    const asRest = await send(address.port, {
      path: "/v2/models/a/infer",
      headers: origin,
      body: "",
    });
    assert.match(asRest, /^HTTP\/1\.1 403 .*\{"error":"pages of https:\/\/evil\.example may not/s);
    const lines = logged.filter(({ msg }) => msg === "call failed");
    assert.equal(lines.length, 3);
    for (const line of lines) {
      assert.equal(line["origin"], "https://evil.example");
      assert.match(String(line["reason"]), /CORS_ORIGINS/);
    }
  });

  it("also stands before the fast path of unary gRPC calls", async (t) => {
    const { address, models } = await startFakeServer(t, { browserRules });
    const call = (headers: Record<string, string>) =>
      postGrpc(address.port, unload.path, { body: grpcFrame(new Uint8Array()), headers });
    const refused = await call({ origin: "https://evil.example" });
    assert.equal(refused.headers["grpc-status"], "7");
    assert.deepEqual(models.calls, []);
    assert.equal((await call({})).trailers["grpc-status"], "0");
  });

  it("lets pages of this server and of configured origins load and unload", async (t) => {
    const { address, models } = await startFakeServer(t, { browserRules });
    const host = `localhost:${address.port}`;
    for (const origin of [`http://${host}`, ops]) {
      const answer = await send(address.port, withHeaders(unload, { Origin: origin }));
      assert.match(answer, /^HTTP\/1\.1 200 /, origin);
    }
    assert.equal(models.calls.filter(({ method }) => method === "unload").length, 2);
  });

  const outside = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address;
  const skip = outside === undefined ? "this machine has no address but loopback" : false;

  it("refuses lifecycle calls without the permission also to allowed origins", {
    skip,
  }, async (t) => {
    const { address, models } = await startFakeServer(t, { browserRules, host: "0.0.0.0" });
    const response = await fetch(`http://${outside}:${address.port}${unload.path}`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: ops },
      body: unload.body ?? "",
    });
    assert.equal(response.status, 403);
    assert.match(await response.text(), /answers clients on this machine only/);
    assert.equal(response.headers.get("access-control-allow-origin"), ops);
    assert.deepEqual(models.calls, []);
  });

  it("leaves clients alone that are no browsers, by whatever name they call", async (t) => {
    const { address } = await startFakeServer(t, { browserRules });
    const sent = { ...unload, host: "modelport.models.svc.cluster.local:8085" };
    assert.match(await send(address.port, sent), /^HTTP\/1\.1 200 /);
  });
});

describe("cross-origin calls (CORS)", () => {
  const preflight = (origin: string, requested: string): Sent => ({
    method: "OPTIONS",
    path: "/modelport.v1.RuntimeWatchService/Watch",
    headers: {
      Origin: origin,
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": requested,
    },
  });
  const header = (answer: string, name: string) =>
    new RegExp(`^${name}: (.*)\r$`, "im").exec(answer)?.[1];

  it("answers what gRPC-Web, Connect and REST ask, for two hours", async (t) => {
    const { address } = await startFakeServer(t, { browserRules });
    const answer = await send(address.port, preflight(ops, "content-type,x-grpc-web,x-user-agent"));
    assert.match(answer, /^HTTP\/1\.1 204 /);
    assert.equal(header(answer, "access-control-allow-origin"), ops);
    assert.match(header(answer, "access-control-allow-methods") ?? "", /POST/);
    assert.equal(header(answer, "access-control-max-age"), "7200");
    assert.match(header(answer, "vary") ?? "", /origin/i);
    const allowed = (header(answer, "access-control-allow-headers") ?? "")
      .toLowerCase()
      .split(/, ?/);
    for (const name of [
      "content-type",
      "x-grpc-web",
      "x-user-agent",
      "grpc-timeout",
      "connect-protocol-version",
      "connect-timeout-ms",
      "mm-model-id",
      "inference-header-content-length",
    ]) {
      assert.ok(allowed.includes(name), `${name} is not among ${allowed}`);
    }
    assert.equal(header(answer, "access-control-allow-credentials"), undefined);
  });

  it("lets allowed pages read answers and the status of gRPC-Web", async (t) => {
    const { address } = await startFakeServer(t, { browserRules });
    const ready: Sent = {
      path: "/inference.GRPCInferenceService/ServerReady",
      headers: { "Content-Type": "application/json", Origin: ops },
      body: "{}",
    };
    for (const sent of [ready, { method: "GET", path: "/v2/models", headers: { Origin: ops } }]) {
      const answer = await send(address.port, sent);
      assert.match(answer, /^HTTP\/1\.1 200 /);
      assert.equal(header(answer, "access-control-allow-origin"), ops, sent.path);
      assert.match(header(answer, "access-control-expose-headers") ?? "", /grpc-status/i);
    }
  });

  it("refuses to answer other pages, and anybody where no origin is configured", async (t) => {
    const { address } = await startFakeServer(t, { browserRules });
    const other = await send(address.port, preflight("https://evil.example", "content-type"));
    assert.match(other, /^HTTP\/1\.1 403 /);
    assert.equal(header(other, "access-control-allow-origin"), undefined);
    const closed = await startFakeServer(t);
    const answer = await send(closed.address.port, preflight(ops, "content-type"));
    assert.match(answer, /^HTTP\/1\.1 403 /);
    assert.equal(header(answer, "access-control-allow-origin"), undefined);
  });

  it("leaves OPTIONS of other clients as it is", async (t) => {
    const { address } = await startFakeServer(t, { browserRules });
    const path = "/inference.GRPCInferenceService/ServerReady";
    assert.match(await send(address.port, { method: "OPTIONS", path }), /^HTTP\/1\.1 405 /);
    assert.match(
      await send(address.port, { method: "OPTIONS", path: "/nothing" }),
      /^HTTP\/1\.1 404 /,
    );
  });
});
