import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { encodeInfer, inferMethod } from "../support/model-mesh/infer-message.ts";
import { MeshedRuntime } from "../support/model-mesh/meshed-runtime.ts";
import { slowLoop } from "../support/models/heavy-models.ts";
import { startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

interface PrestopServer {
  readonly port: number;
  /** Paths that were asked for. */
  readonly asked: readonly string[];
  /** As when ModelMesh has ended. */
  answer(): void;
}

/** ModelMesh's pre-stop server: takes a question and answers when ModelMesh has ended. */
async function startPrestopServer(t: TestContext): Promise<PrestopServer> {
  const asked: string[] = [];
  const pending: http.ServerResponse[] = [];
  const server = http.createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    pending.push(response);
  });
  server.listen(0);
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const answer = () => {
    for (const response of pending.splice(0)) response.end();
  };
  return { port: (server.address() as AddressInfo).port, asked, answer };
}

async function isReady(port: number): Promise<boolean> {
  const headers = { connection: "close" };
  return (await fetch(`http://127.0.0.1:${port}/v2/health/ready`, { headers })).ok;
}

describe("SIGTERM beside ModelMesh", () => {
  it("waits for the end of ModelMesh, and serves and loads until then", async (t) => {
    const prestop = await startPrestopServer(t);
    const flags = ["--prestop-port", `${prestop.port}`];
    const pod = await MeshedRuntime.start({ scale: 20, flags });
    t.after(() => pod.close());
    await pod.addModel("early", 1);
    await pod.addModel("late", 2);
    await pod.askFor("early");
    const stopped = pod.served.stop("SIGTERM");
    await waitFor(() => prestop.asked.length > 0);
    assert.deepEqual(await Promise.all(["early", "late"].map((id) => pod.askFor(id))), [2, 3]);
    assert.equal(await isReady(pod.served.port), true);
    assert.deepEqual(await pod.contradictions(), []);
    await pod.mesh.shutdown();
    prestop.answer();
    assert.equal(await stopped, 0);
    assert.deepEqual(prestop.asked, ["GET /prestop"]);
  });

  it("does not wait where nobody answers, nor for longer than the limit", async (t) => {
    const { port } = await startPrestopServer(t);
    // Nobody listens on port 1.
    for (const flags of [
      ["--prestop-port", "1"],
      ["--prestop-port", `${port}`, "--prestop-timeout", "100"],
    ]) {
      const served = await startServed(flags);
      t.after(() => served.stop("SIGKILL"));
      assert.equal(await served.stop("SIGTERM"), 0);
    }
  });

  it("ends at once at the second signal", async (t) => {
    const prestop = await startPrestopServer(t);
    const served = await startServed(["--prestop-port", `${prestop.port}`]);
    t.after(() => served.stop("SIGKILL"));
    void served.stop("SIGTERM");
    await waitFor(() => prestop.asked.length > 0);
    assert.equal(await served.stop("SIGTERM"), 1);
  });

  it("without that lets calls in flight finish and refuses new ones as unavailable", async (t) => {
    const pod = await MeshedRuntime.start({ scale: 20 });
    t.after(() => pod.close());
    await pod.addModel("m", 1);
    pod.mesh.register("slow", await pod.write("slow", slowLoop()));
    await Promise.all([pod.mesh.ensureLoaded("slow"), pod.askFor("m")]);
    const body = encodeInfer([1, 1, 1, 1], { slowRounds: 100 });
    const running = pod.mesh.call({
      method: inferMethod,
      body,
      headers: { "mm-model-id": "slow" },
    });
    await sleep(50);
    const stopped = pod.served.stop("SIGTERM");
    assert.ok((await running).length > 0);
    assert.equal(await stopped, 0);
    await assert.rejects(pod.askFor("m"), /INTERNAL: ModelRuntime UNAVAILABLE/);
    assert.deepEqual(pod.mesh.books.lost, []);
    assert.deepEqual(pod.mesh.books.breaches, []);
  });
});

describe("liveness and readiness", () => {
  it("tell apart a runtime that starts, one that serves and one that is gone", async (t) => {
    const served = await startServed([]);
    t.after(() => served.stop("SIGKILL"));
    const status = async (path: string) =>
      (await fetch(`http://127.0.0.1:${served.port}/v2/health/${path}`)).status;
    assert.equal(await status("live"), 200, "alive as soon as it listens");
    while ((await status("ready")) !== 200) {
      assert.equal(await status("ready").then((code) => [200, 503].includes(code)), true);
      await sleep(20);
    }
    assert.equal(await served.stop("SIGTERM"), 0);
    await assert.rejects(status("live"), TypeError);
  });
});
