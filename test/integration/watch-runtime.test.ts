import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import {
  EventKind,
  HostKind,
  LifecycleOwner,
  ModelState,
  type ModelStatus,
  RuntimePhase,
  RuntimeWatchService,
} from "../../gen/modelport/v1/runtime_watch_pb.ts";
import { type Calls, callsOf, codeIn, sizeIn } from "../support/clients/calls.ts";
import { type Client, clientKinds } from "../support/clients/clients.ts";
import { WatchReplica } from "../support/fakes/watch-replica.ts";
import { unknownOp } from "../support/models/failing-models.ts";
import { slowLoop } from "../support/models/heavy-models.ts";
import { writeWeightsModel } from "../support/models/layered-models.ts";
import { addOne } from "../support/models/simple-models.ts";
import { type Runtime, startRuntime } from "../support/servers/runtime.ts";
import { waitFor } from "../support/wait-for.ts";

const MiB = 1024 * 1024;

describe("a watched runtime with real models", () => {
  const replica = new WatchReplica();
  const cancel = new AbortController();
  let runtime: Runtime;
  let client: Client;
  let calls: Calls;
  let watching: Promise<void>;
  before(async () => {
    runtime = await startRuntime();
    await runtime.put("one.onnx", addOne());
    await runtime.put("slow.onnx", slowLoop());
    await runtime.put("broken.onnx", unknownOp());
    await writeWeightsModel(join(runtime.root, "big.onnx"), 40 * MiB);
    const kind = clientKinds.find(({ name }) => name === "grpc-js");
    assert.ok(kind !== undefined);
    client = kind.open({ port: runtime.port });
    calls = callsOf(client);
    const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${runtime.port}` });
    const stream = createClient(RuntimeWatchService, transport).watch(
      { minIntervalMs: 50 },
      { signal: cancel.signal },
    );
    watching = (async () => {
      for await (const response of stream) replica.take(response);
    })().catch((reason: unknown) => {
      if (!cancel.signal.aborted) throw reason;
    });
    await runtime.engine.ready;
  });
  after(async () => {
    cancel.abort();
    await watching;
    client?.close();
    await runtime?.close();
  });

  const rowOf = (id: string): ModelStatus | undefined =>
    [...replica.models.values()].findLast((model) => model.id === id);
  const eventsOf = (id: string) =>
    replica.events.filter(({ modelId }) => modelId === id).map(({ kind }) => kind);

  it("shows a load with its bytes, as ModelMesh is told them, and its host", async () => {
    const sizeBytes = sizeIn(await calls.load("one", "one.onnx"));
    await waitFor(() => rowOf("one")?.state === ModelState.READY);
    const row = rowOf("one");
    assert.equal(row?.reportedBytes, BigInt(sizeBytes));
    assert.equal(row?.heldBytes, BigInt(sizeBytes));
    assert.ok((row?.predictedBytes ?? 0n) > 0n);
    assert.equal(row?.hostPid, runtime.models.hostPidOf("one"));
    assert.deepEqual(
      row?.history.map(({ state }) => state),
      [ModelState.QUEUED, ModelState.LOADING, ModelState.READY],
    );
    assert.deepEqual(eventsOf("one"), [EventKind.MODEL_LOADED]);
    await waitFor(() => replica.runtime?.phase === RuntimePhase.READY);
    assert.equal(replica.runtime?.usedBytes, BigInt(runtime.models.usedBytes));
    const host = replica.runtime?.hosts.find(({ pid }) => pid === row?.hostPid);
    assert.equal(host?.kind, HostKind.SHARED);
    assert.equal(host?.models, 1);
    assert.ok((host?.memoryBytes ?? 0n) > 0n);
  });

  it("gives a large model its own host, whose memory it measured", async () => {
    await calls.load("big", "big.onnx");
    await waitFor(() => rowOf("big")?.state === ModelState.READY);
    const row = rowOf("big");
    const host = replica.runtime?.hosts.find(({ pid }) => pid === row?.hostPid);
    assert.equal(host?.kind, HostKind.DEDICATED);
    assert.ok((row?.measuredBytes ?? 0n) > BigInt(40 * MiB), `${row?.measuredBytes}`);
    await calls.unload("big");
    await waitFor(() => rowOf("big") === undefined);
    assert.deepEqual(eventsOf("big"), [EventKind.MODEL_LOADED, EventKind.MODEL_UNLOADED]);
  });

  it("counts inferences, their rate and their latency, and those that wait", async () => {
    await calls.load("slow", "slow.onnx");
    const runs = Array.from({ length: 6 }, () => calls.inferSlowly("slow", 200));
    await waitFor(() => (rowOf("slow")?.queueLength ?? 0) > 0);
    assert.ok((rowOf("slow")?.leases ?? 0) > (rowOf("slow")?.queueLength ?? 0));
    assert.deepEqual((await Promise.all(runs)).map(codeIn), Array(6).fill("OK"));
    await waitFor(() => rowOf("slow")?.traffic?.succeededTotal === 6n);
    await waitFor(() => rowOf("slow")?.leases === 0);
    const traffic = rowOf("slow")?.traffic;
    assert.ok((traffic?.requestsPerSecond ?? 0) > 0);
    const { p50Ms = 0, p95Ms = 0, p99Ms = 0 } = traffic ?? {};
    assert.ok(p50Ms > 100 && p95Ms >= p50Ms && p99Ms >= p95Ms, `${p50Ms} ${p95Ms} ${p99Ms}`);
    assert.ok((replica.runtime?.traffic?.succeededTotal ?? 0n) >= 6n);
    assert.ok((replica.runtime?.eventLoopDelay?.maxMs ?? -1) >= 0);
  });

  it("tells of a host that died, and of the recovery of its models", async () => {
    const pid = runtime.models.hostPidOf("one");
    assert.ok(pid !== undefined);
    process.kill(pid, "SIGKILL");
    await waitFor(() => eventsOf("one").at(-1) === EventKind.MODEL_RECOVERED);
    assert.deepEqual(eventsOf("one").slice(-2), [EventKind.HOST_LOST, EventKind.MODEL_RECOVERED]);
    await waitFor(() => rowOf("one")?.state === ModelState.READY);
    assert.notEqual(rowOf("one")?.hostPid, pid);
    const lost = rowOf("one")?.history.find(({ state }) => state === ModelState.RELOADING);
    assert.match(lost?.reason ?? "", /SIGKILL/);
    assert.equal(rowOf("one")?.loads, 1n);
  });

  it("keeps the reason of what could not be loaded", async () => {
    assert.notEqual(codeIn(await calls.load("broken", "broken.onnx")), "OK");
    await waitFor(() => rowOf("broken")?.state === ModelState.FAILED);
    assert.match(rowOf("broken")?.reason ?? "", /\w/);
    assert.equal(rowOf("broken")?.loadFailures, 1n);
    assert.deepEqual(eventsOf("broken"), [EventKind.LOAD_FAILED]);
    assert.notEqual(codeIn(await calls.load("absent", "absent.onnx")), "OK");
    await waitFor(() => rowOf("absent")?.state === ModelState.FAILED);
    assert.match(rowOf("absent")?.reason ?? "", /absent\.onnx/);
    assert.deepEqual(eventsOf("absent"), [EventKind.LOAD_REFUSED]);
  });

  it("knows when ModelMesh takes over, which unloads what it had loaded", async () => {
    const byCurl = await fetch(
      `http://localhost:${runtime.port}/mmesh.ModelRuntime/runtimeStatus`,
      {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "{}",
      },
    );
    assert.equal(byCurl.status, 200);
    const askedMs = replica.runtime?.timeMs ?? 0n;
    await waitFor(() => (replica.runtime?.timeMs ?? 0n) > askedMs);
    assert.equal(
      replica.runtime?.lifecycleOwner,
      LifecycleOwner.UNCLAIMED,
      "ModelMesh speaks gRPC",
    );
    assert.equal(codeIn(await calls.status()), "OK");
    await waitFor(() => rowOf("one") === undefined && rowOf("slow") === undefined);
    await waitFor(() => replica.runtime?.lifecycleOwner === LifecycleOwner.MODELMESH);
    assert.equal(replica.runtime?.usedBytes, 0n);
    const kinds = replica.events.map(({ kind }) => kind);
    assert.equal(kinds.filter((kind) => kind === EventKind.MODELMESH_TOOK_OVER).length, 1);
    assert.equal(kinds.filter((kind) => kind === EventKind.RUNTIME_READY).length, 1);
    assert.equal(replica.snapshotCount, 1);
  });
});
