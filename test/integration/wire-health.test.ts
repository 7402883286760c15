import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from "../../gen/grpc/health/v1/health_pb.ts";
import { until } from "../support/clients/raw-http.ts";
import { startFakeServer } from "../support/fakes/fake-server.ts";

const transports = {
  gRPC: (baseUrl: string) => createGrpcTransport({ baseUrl }),
  "gRPC-Web": (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
  Connect: (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "2" }),
};

/** "" is the whole runtime. */
const services = [
  "",
  "mmesh.ModelRuntime",
  "inference.GRPCInferenceService",
  "modelport.v1.RuntimeWatchService",
];

for (const [name, createTransport] of Object.entries(transports)) {
  describe(`the health service over ${name}`, () => {
    it("checks the runtime and each service, also before the engine is ready", async (t) => {
      const { address, models } = await startFakeServer(t);
      const health = createClient(Health, createTransport(`http://127.0.0.1:${address.port}`));
      models.ready = false;
      for (const service of services) {
        assert.equal((await health.check({ service })).status, Status.NOT_SERVING, service);
      }
      models.ready = true;
      for (const service of services) {
        assert.equal((await health.check({ service })).status, Status.SERVING, service);
      }
      await assert.rejects(health.check({ service: "x" }), { code: Code.NotFound });
    });

    it("sends watchers the state, every change of it, and its end", async (t) => {
      const { address, models, server } = await startFakeServer(t);
      models.ready = false;
      const health = createClient(Health, createTransport(`http://127.0.0.1:${address.port}`));
      const seen: Status[] = [];
      const watch = (async () => {
        for await (const { status } of health.watch({})) seen.push(status);
      })();
      await until(() => seen.length === 1, "the first state");
      models.ready = true;
      await until(() => seen.length === 2, "the second state");
      models.ready = true;
      models.ready = false;
      await until(() => seen.length === 3, "the third state");
      models.ready = true;
      await until(() => seen.length === 4, "the fourth state");
      await server.close();
      await watch;
      const { SERVING, NOT_SERVING } = Status;
      assert.deepEqual(seen, [NOT_SERVING, SERVING, NOT_SERVING, SERVING, NOT_SERVING]);
      assert.equal(models.listenerCount, 0);
    });

    it("tells watchers of a name that nobody knows so, and keeps the stream", async (t) => {
      const { address, models } = await startFakeServer(t);
      const health = createClient(Health, createTransport(`http://127.0.0.1:${address.port}`));
      const cancel = new AbortController();
      const stream = health.watch({ service: "x.Y" }, { signal: cancel.signal });
      const messages = stream[Symbol.asyncIterator]();
      assert.equal((await messages.next()).value?.status, Status.SERVICE_UNKNOWN);
      const next = messages.next();
      models.ready = false;
      models.ready = true;
      cancel.abort();
      await assert.rejects(next, (reason) => ConnectError.from(reason).code === Code.Canceled);
      await until(() => models.listenerCount === 0, "the watch is over");
    });
  });
}
