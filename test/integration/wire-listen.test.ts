import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, rename, stat, writeFile } from "node:fs/promises";
import http2 from "node:http2";
import net from "node:net";
import { networkInterfaces } from "node:os";
import { dirname } from "node:path";
import { describe, it } from "node:test";
import { pino } from "pino";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../../gen/mmesh/model-runtime_pb.ts";
import { buildServer } from "../../src/rpc/server.ts";
import { type Client, type ClientKind, clientKinds } from "../support/clients/clients.ts";
import { exchange, until } from "../support/clients/raw-http.ts";
import { FakeModels } from "../support/fakes/fake-models.ts";
import { startFakeServer, temporarySocketPath, testOptions } from "../support/fakes/fake-server.ts";

const { modelInfer, serverReady } = GRPCInferenceService.method;
const ready = { ok: true, message: { ready: true } };

function clientKind(name: string): ClientKind {
  const kind = clientKinds.find((candidate) => candidate.name === name);
  assert.ok(kind, name);
  return kind;
}

async function callOnce(kind: ClientKind, target: Parameters<ClientKind["open"]>[0]) {
  const client = kind.open(target);
  try {
    return await client.call(serverReady, {});
  } finally {
    client.close();
  }
}

describe("listening", () => {
  const grpc = clientKind("grpc-js");

  it("says clearly that a port is in use, and leaves nothing open", async (t) => {
    const { address } = await startFakeServer(t);
    const models = new FakeModels();
    const second = await buildServer({
      models,
      readiness: models,
      options: { ...testOptions, port: address.port, socketPath: await temporarySocketPath(t) },
      log: pino({ level: "silent" }),
    });
    await assert.rejects(second.listen(), {
      kind: "failed-precondition",
      message: `cannot listen at 127.0.0.1 port ${address.port}: another process listens there: choose another port`,
    });
    await second.close();
  });

  it("refuses a port that is free on 127.0.0.1 only", async (t) => {
    const other = net.createServer().listen({ host: "::1", port: 0 });
    try {
      await once(other, "listening");
    } catch {
      t.skip("this machine has no IPv6");
      return;
    }
    t.after(() => other.close());
    const { port } = other.address() as net.AddressInfo;
    await assert.rejects(startFakeServer(t, { port }), /cannot listen at ::1 port/);
    const socket = net.connect(port, "127.0.0.1");
    const [error] = await once(socket, "error");
    assert.equal(error.code, "ECONNREFUSED", "nothing is left on 127.0.0.1");
  });

  it("replaces a socket file that nobody answers on, and removes its own at the end", async (t) => {
    const socketPath = await temporarySocketPath(t);
    await mkdir(dirname(socketPath));
    // A listener that is closed removes the file at its own path. Moved away and back, the file stays, as
    // it does when a process is killed.
    const dead = net.createServer().listen(socketPath);
    await once(dead, "listening");
    await rename(socketPath, `${socketPath}.moved`);
    dead.close();
    await once(dead, "close");
    await rename(`${socketPath}.moved`, socketPath);
    const { server } = await startFakeServer(t, { socketPath });
    assert.deepEqual(await callOnce(grpc, { socketPath }), ready);
    assert.equal((await stat(socketPath)).mode & 0o777, 0o666);
    await server.close();
    await assert.rejects(stat(socketPath), { code: "ENOENT" });
  });

  it("leaves a socket alone on which somebody answers, and a file that is not a socket", async (t) => {
    const socketPath = await temporarySocketPath(t);
    const { address } = await startFakeServer(t, { socketPath });
    assert.equal(address.socketPath, socketPath);
    await assert.rejects(startFakeServer(t, { socketPath }), /another process listens on/);
    assert.deepEqual(await callOnce(grpc, { socketPath }), ready);
    const file = `${socketPath}.txt`;
    await writeFile(file, "precious");
    await assert.rejects(startFakeServer(t, { socketPath: file }), /exists and is not a socket/);
    assert.equal((await stat(file)).size, 8);
  });

  it("says clearly that a socket path is too long or its directory cannot be made", async (t) => {
    const socketPath = await temporarySocketPath(t);
    const long = `${socketPath}${"x".repeat(100)}`;
    await assert.rejects(startFakeServer(t, { socketPath: long }), /at most 103 bytes/);
    await mkdir(dirname(socketPath));
    await writeFile(socketPath, "");
    const below = `${socketPath}/grpc.sock`;
    await assert.rejects(startFakeServer(t, { socketPath: below }), /cannot create the directory/);
  });

  it("answers STARTING from the first moment, before the engine is ready", async (t) => {
    const { models, address } = await startFakeServer(t);
    models.ready = false;
    const curl = clientKind("connect-node Connect JSON, h1").open({ port: address.port });
    const outcome = await curl.call(ModelRuntime.method.runtimeStatus, {});
    curl.close();
    assert.deepEqual(outcome, { ok: true, message: {} });
    const url = `http://127.0.0.1:${address.port}/mmesh.ModelRuntime/runtimeStatus`;
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(url, { method: "POST", headers, body: "{}" });
    assert.equal(((await answer.json()) as { status: string }).status, "STARTING");
  });
});

describe("lifecycle calls", () => {
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === "IPv4" && !address.internal)?.address;
  const skip = outside === undefined ? "this machine has no address but loopback" : false;
  const loadElsewhere = async (client: Client) => {
    const outcome = await client.call(ModelRuntime.method.loadModel, {
      modelId: "m",
      modelPath: "/m",
    });
    client.close();
    return outcome;
  };

  for (const kind of clientKinds) {
    it(`are refused to ${kind.name} from another address, and only those`, {
      skip: kind.skip ?? skip,
    }, async (t) => {
      const { address, models } = await startFakeServer(t, { host: "0.0.0.0" });
      const target = { port: address.port, host: outside ?? "" };
      assert.deepEqual(await loadElsewhere(kind.open(target)), {
        ok: false,
        code: "PermissionDenied",
        message: "mmesh.ModelRuntime answers clients on this machine only",
      });
      assert.deepEqual(models.calls, []);
      assert.deepEqual(await callOnce(kind, target), ready);
      assert.ok((await loadElsewhere(kind.open({ port: address.port }))).ok);
    });
  }

  it("are those of the model repository too, but for what only looks at it", {
    skip,
  }, async (t) => {
    const { address, models } = await startFakeServer(t, { host: "0.0.0.0" });
    const away = clientKind("grpc-js").open({ port: address.port, host: outside ?? "" });
    const { repositoryModelLoad, repositoryModelUnload, repositoryIndex, modelStatistics } =
      GRPCInferenceService.method;
    for (const method of [repositoryModelLoad, repositoryModelUnload]) {
      assert.deepEqual(await away.call(method, { modelName: "shelved" }), {
        ok: false,
        code: "PermissionDenied",
        message: `inference.GRPCInferenceService/${method.name} answers clients on this machine only`,
      });
    }
    assert.deepEqual(models.calls, []);
    assert.ok((await away.call(repositoryIndex, {})).ok);
    assert.ok((await away.call(modelStatistics, {})).ok);
    away.close();
    const local = clientKind("grpc-js").open({ port: address.port });
    assert.ok((await local.call(repositoryModelLoad, { modelName: "shelved" })).ok);
    local.close();
  });

  it("are open to everybody where the operator says so", { skip }, async (t) => {
    const { address } = await startFakeServer(t, {
      host: "0.0.0.0",
      access: { rules: { lifecycle: "any", inference: "any", health: "any", metrics: "local" } },
    });
    const target = { port: address.port, host: outside ?? "" };
    assert.ok((await loadElsewhere(clientKind("grpc-js").open(target))).ok);
  });

  it("know loopback when it comes as IPv4 mapped into IPv6", async (t) => {
    let fake: Awaited<ReturnType<typeof startFakeServer>>;
    try {
      fake = await startFakeServer(t, { host: "::" });
    } catch {
      t.skip("this machine has no IPv6");
      return;
    }
    assert.ok((await loadElsewhere(clientKind("grpc-js").open({ port: fake.address.port }))).ok);
  });

  it("are refused to web pages of other servers that run in a browser on this machine", async (t) => {
    const { address, models } = await startFakeServer(t);
    const host = `127.0.0.1:${address.port}`;
    const unload = (origin: string) => {
      const head = `POST /mmesh.ModelRuntime/unloadModel HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n`;
      const rest = "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
      return exchange(address.port, `${head}Origin: ${origin}\r\n${rest}`);
    };
    for (const origin of ["https://evil.example", "null", `http://${host}.evil.example`]) {
      assert.match(await unload(origin), /^HTTP\/1\.1 403 .*permission_denied/s, origin);
    }
    assert.deepEqual(models.calls, []);
    assert.match(await unload("http://localhost:3000"), /^HTTP\/1\.1 403 /);
    assert.deepEqual(models.calls, []);
    assert.match(await unload(`http://${host}`), /^HTTP\/1\.1 200 /);
  });
});

describe("closing", () => {
  for (const kind of clientKinds) {
    it(`lets a call of ${kind.name} finish`, { skip: kind.skip ?? false }, async (t) => {
      const { address, models, server } = await startFakeServer(t);
      const work = Promise.withResolvers<void>();
      models.put("slow", "FP32", async () => {
        await work.promise;
        return [];
      });
      const client = kind.open({ port: address.port });
      const outcome = client.call(modelInfer, { modelName: "slow" });
      await until(() => models.calls.length === 1, "the call has begun");
      const closed = server.close();
      assert.equal(server.close(), closed, "closing twice is closing once");
      const refused = net.connect(address.port, "127.0.0.1");
      const [error] = await once(refused, "error");
      assert.equal(error.code, "ECONNREFUSED");
      work.resolve();
      assert.deepEqual(await outcome, { ok: true, message: { modelName: "slow" } });
      client.close();
      await closed;
      assert.equal(server.connectionCount, 0);
    });
  }

  it("sends GOAWAY at once, and closes idle connections of both HTTP versions", async (t) => {
    const { address, server } = await startFakeServer(t, { closeGraceMs: 60_000 });
    const session = http2.connect(`http://127.0.0.1:${address.port}`);
    await once(session, "remoteSettings");
    const idle = net.connect(address.port, "127.0.0.1");
    idle.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(idle, "data");
    const silent = net.connect(address.port, "127.0.0.1");
    await until(() => server.connectionCount === 3, "three connections");
    const goaway = once(session, "goaway");
    await server.close();
    assert.deepEqual((await goaway)[0], http2.constants.NGHTTP2_NO_ERROR);
    assert.equal(server.connectionCount, 0);
    for (const socket of [session, idle, silent]) socket.destroy();
  });

  it("aborts calls that outlast the grace with UNAVAILABLE", async (t) => {
    const { address, models, server } = await startFakeServer(t, { closeGraceMs: 100 });
    const client = clientKind("grpc-js").open({ port: address.port });
    const outcome = client.call(modelInfer, { modelName: "hangs" });
    await until(() => models.calls.length === 1, "the call has begun");
    await server.close();
    assert.deepEqual(await outcome, {
      ok: false,
      code: "Unavailable",
      message: "the runtime is shutting down",
    });
    client.close();
  });
});
