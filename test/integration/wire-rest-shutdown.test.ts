import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { describe, it, type TestContext } from "node:test";
import { until } from "../support/clients/raw-http.ts";
import { assertError, callRest, x, y } from "../support/clients/rest-calls.ts";
import { type FakeServer, startFakeServer } from "../support/fakes/fake-server.ts";

const never = new Promise<never>(() => {});

describe("a server that stops", () => {
  const start = (t: TestContext, closeGraceMs: number): Promise<FakeServer> =>
    startFakeServer(t, { closeGraceMs });

  it("answers REST calls that outlast the grace with 503", async (t) => {
    const { server, models, address } = await start(t, 50);
    // Neither looks at a signal.
    const methods = ["unloadFromRepository", "loadFromRepository", "index"] as const;
    const mocks = methods.map((method) => t.mock.method(models, method, () => never).mock);
    models.put("deaf", "FP32", () => never);
    const repository = "/v2/repository/models/versioned";
    const calls: [path: string, body: unknown][] = [
      ["/v2/models/hangs/infer", { inputs: [x] }],
      ["/v2/models/deaf/infer", { inputs: [x] }],
      [`${repository}/load`, ""],
      [`${repository}/unload`, ""],
      ["/v2/repository/index", ""],
    ];
    const answers = calls.map(([path, body]) =>
      callRest(address.port, path, { method: "POST", body }),
    );
    const gets = ["/v2/models", "/v2/openapi.json"].map((path) => callRest(address.port, path));
    const arrived = () => mocks.reduce((sum, mock) => sum + mock.callCount(), models.calls.length);
    await until(() => arrived() === calls.length + gets.length, "all calls are there");
    const closed = server.close();
    for (const answer of await Promise.all([...answers, ...gets])) {
      assertError(answer, 503, /^the runtime is shutting down$/);
    }
    await closed;
    assert.equal(server.connectionCount, 0);
  });

  it("answers a REST call whose body is still on its way with 503", async (t) => {
    const { server, address } = await start(t, 50);
    const url = `http://127.0.0.1:${address.port}/v2/models/echo/infer`;
    const headers = { "content-length": 1000, expect: "100-continue" };
    const request = http.request(url, { method: "POST", headers });
    request.flushHeaders();
    await once(request, "continue");
    request.write("{");
    const answered = once(request, "response");
    const closed = server.close();
    const [response] = (await answered) as [http.IncomingMessage];
    assert.equal(response.statusCode, 503);
    const text = Buffer.concat(await response.toArray()).toString();
    assert.deepEqual(JSON.parse(text), { error: "the runtime is shutting down" });
    request.destroy();
    await closed;
  });

  it("lets REST calls that are done in time finish", async (t) => {
    const { server, models, address } = await start(t, 5_000);
    const gate = Promise.withResolvers<void>();
    models.put("slow", "FP32", async ({ inputs }) => {
      await gate.promise;
      return [...inputs];
    });
    const answer = callRest(address.port, "/v2/models/slow/infer", { body: { inputs: [x] } });
    await until(() => models.calls.length === 1, "the model runs");
    const closed = server.close();
    gate.resolve();
    const { status, json } = await answer;
    const outputs = [{ ...y, name: "x", data: x.data }];
    assert.deepEqual([status, json], [200, { model_name: "slow", outputs }]);
    await closed;
  });
});
