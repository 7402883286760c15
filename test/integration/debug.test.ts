import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { RuntimeError } from "../../src/base/errors.ts";
import { assertError, callRest, x } from "../support/clients/rest-calls.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";

const outside = Object.values(networkInterfaces())
  .flat()
  .find((each) => each?.family === "IPv4" && !each.internal)?.address;

const settings = () => ({ port: 8085, tokenFile: "/run/token", storeToken: "5ec4e7" });
const lightPaths = ["process", "hosts", "queues", "errors", "settings", "log-level"];
const heavyPaths = ["heap-snapshot", "cpu-profile"];

describe("/debug", () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  before(async () => {
    fake = await startFakeServer(cleanup, { debug: { endpoints: "all", settings } });
  });

  const call = (path: string, options?: Parameters<typeof callRest>[2]) =>
    callRest(fake.address.port, path, options);

  it("tells what there is, and each of it answers in JSON", async () => {
    const { status, json } = await call("/debug");
    assert.equal(status, 200);
    const { endpoints } = json as { endpoints: { path: string; methods: string[] }[] };
    assert.deepEqual(
      endpoints.map(({ path }) => path),
      [...lightPaths, ...heavyPaths].map((path) => `/debug/${path}`),
    );
    for (const { path, methods } of endpoints) {
      if (!methods.includes("GET")) continue;
      const answer = await call(path);
      assert.equal(answer.status, 200, path);
      assert.equal(answer.headers.get("content-type"), "application/json", path);
      assert.equal(answer.headers.get("cache-control"), "no-store", path);
      assert.equal(typeof answer.json, "object", path);
    }
  });

  it("shows how the process is", async () => {
    const { json } = await call("/debug/process");
    const { pid, memory, eventLoop, resources, openFiles } = json as {
      pid: number;
      memory: Record<string, number>;
      eventLoop: Record<string, number>;
      resources: Record<string, number>;
      openFiles?: Record<string, number>;
    };
    assert.equal(pid, process.pid);
    assert.ok((memory["heapUsedBytes"] ?? 0) > 1_000_000);
    for (const name of ["utilization", "delayP50Ms", "delayP99Ms", "delayMaxMs"]) {
      assert.ok((eventLoop[name] ?? -1) >= 0, name);
    }
    assert.ok(Object.values(resources).some((count) => count > 0));
    if (process.platform === "linux") assert.ok((openFiles?.["socket"] ?? 0) >= 1);
  });

  it("shows hosts with their models, and what waits", async () => {
    const loading = fake.watched.add("loading");
    loading.reserve(100);
    const ready = fake.watched.add("ready");
    fake.watched.finishLoad(ready);
    const release = ready.leases.acquire();
    try {
      await sleep(150); // Figures are taken no more often than every 100 ms.
      const { hosts } = (await call("/debug/hosts")).json as { hosts: Record<string, unknown>[] };
      assert.equal(hosts.length, 1);
      assert.equal(hosts[0]?.["kind"], "shared");
      const queues = (await call("/debug/queues")).json as {
        loads: { limit: number; underWay: { name: string; state: string }[] };
        inferences: { name: string; inFlight: number }[];
      };
      assert.equal(queues.loads.limit, 2);
      assert.deepEqual(
        queues.loads.underWay.map(({ name, state }) => [name, state]),
        [["loading", "loading"]],
      );
      assert.deepEqual(
        queues.inferences.map(({ name, inFlight }) => [name, inFlight]),
        [["ready", 1]],
      );
    } finally {
      release();
      fake.watched.unload(ready);
      fake.watched.fail(loading, new RuntimeError("cancelled", "enough"));
    }
  });

  it("shows the last errors of each model, without secrets", async () => {
    const broken = fake.watched.add("broken");
    broken.reserve(100);
    const reason = "GET https://joe:5ec4e7@store.example/m?sig=5ec4e7 answered 403";
    fake.watched.fail(broken, new RuntimeError("load-failed", reason));
    const faulty = fake.watched.add("faulty");
    fake.watched.finishLoad(faulty);
    for (const number of [1, 2, 3, 4, 5, 6, 7]) {
      faulty.statistics.failures.note(new RuntimeError("run-failed", `run ${number}`));
    }
    faulty.statistics.failures.note(new RuntimeError("invalid-argument", "wrong shape"));
    const { bytes, json } = await call("/debug/errors");
    assert.ok(!bytes.includes("5ec4e7"));
    const { models, events } = json as {
      models: {
        name: string;
        state: string;
        steps: { reason: string }[];
        inferences: { kind: string; reason: string }[];
      }[];
      events: { kind: string; reason: string }[];
    };
    const find = (id: string) => models.find(({ name }) => name === id);
    const text = "GET https://***@store.example/m?*** answered 403";
    assert.deepEqual(
      [find("broken")?.state, find("broken")?.steps.at(-1)?.reason],
      ["failed", text],
    );
    assert.ok(events.some((event) => event.kind === "load-refused" && event.reason === text));
    assert.deepEqual(
      find("faulty")?.inferences.map(({ kind, reason }) => [kind, reason]),
      [3, 4, 5, 6, 7].map((number) => ["run-failed", `run ${number}`]),
    );
  });

  it("shows the settings in effect, secrets masked", async () => {
    const { json } = await call("/debug/settings");
    assert.deepEqual(json, { port: 8085, tokenFile: "/run/token", storeToken: "***" });
  });

  it("changes the log level at once, and says so in the log", async () => {
    const put = (body: unknown) => call("/debug/log-level", { method: "PUT", body });
    assert.deepEqual((await call("/debug/log-level")).json, { level: "trace" });
    assert.deepEqual((await put({ level: "error" })).json, { level: "error" });
    try {
      const before = fake.logged.length;
      await call("/v2/models/nothing");
      assert.equal(fake.logged.length, before, "failed calls are no errors");
    } finally {
      assert.deepEqual((await put({ level: "trace" })).json, { level: "trace" });
    }
    const changes = fake.logged.filter(({ msg }) => msg === "log level changed");
    assert.deepEqual(
      changes.map(({ logLevel, formerLogLevel }) => [logLevel, formerLogLevel]),
      [
        ["error", "trace"],
        ["trace", "error"],
      ],
    );
    for (const body of [{ level: "loud" }, {}, [], "error", "{", "x".repeat(2_000)]) {
      assert.ok([400, 413].includes((await put(body)).status), JSON.stringify(body));
    }
    assertError(await call("/debug/log-level", { method: "POST", body: {} }), 405, /use GET/);
  });

  it("takes a heap snapshot and a CPU profile that developer tools can read", async () => {
    const { json: heap } = await call("/debug/heap-snapshot", { method: "POST" });
    const { snapshot, nodes } = heap as { snapshot: { node_count: number }; nodes: number[] };
    assert.ok(snapshot.node_count > 10_000);
    assert.equal(nodes.length % snapshot.node_count, 0);
    const { json: cpu } = await call("/debug/cpu-profile?seconds=0.2", { method: "POST" });
    const {
      nodes: frames,
      startTime,
      endTime,
    } = cpu as {
      nodes: unknown[];
      startTime: number;
      endTime: number;
    };
    assert.ok(frames.length > 0);
    assert.ok(endTime - startTime >= 190_000, "microseconds");
    for (const seconds of ["0", "61", "x", "-1", ""]) {
      const answer = await call(`/debug/cpu-profile?seconds=${seconds}`, { method: "POST" });
      assertError(answer, 400, /^seconds must be/);
    }
  });

  it("takes one at a time, serves meanwhile, and is free again when the asker leaves", async () => {
    const leave = new AbortController();
    const url = `http://127.0.0.1:${fake.address.port}/debug/cpu-profile?seconds=30`;
    const profile = fetch(url, { method: "POST", signal: leave.signal });
    profile.catch(() => {});
    const takesAnother = async () =>
      await call("/debug/cpu-profile?seconds=0.01", { method: "POST" });
    let second = await takesAnother();
    while (second.status === 200) second = await takesAnother();
    assertError(second, 429, /another profile or snapshot is being taken/);
    assertError(
      await call("/debug/heap-snapshot", { method: "POST" }),
      429,
      /another profile or snapshot/,
    );
    const infer = { method: "POST", body: { inputs: [x] } };
    assert.equal((await call("/v2/models/add-one/infer", infer)).status, 200);
    leave.abort();
    await assert.rejects(profile, { name: "AbortError" });
    // Until the server has seen it.
    while (second.status !== 200) second = await takesAnother();
  });

  it("gives neither snapshots nor profiles unless it is told to, and nothing if it is off", async () => {
    const figures = await startFakeServer(cleanup, { debug: { endpoints: "figures", settings } });
    const { json } = await callRest(figures.address.port, "/debug");
    const { endpoints } = json as { endpoints: { path: string }[] };
    assert.deepEqual(
      endpoints.map(({ path }) => path),
      lightPaths.map((path) => `/debug/${path}`),
    );
    for (const path of heavyPaths) {
      const answer = await callRest(figures.address.port, `/debug/${path}`, { method: "POST" });
      assertError(answer, 404, /there is nothing at/);
    }
    const off = await startFakeServer(cleanup, { debug: { endpoints: "off", settings } });
    for (const path of ["", ...lightPaths]) {
      assert.equal((await callRest(off.address.port, `/debug/${path}`)).status, 404, path);
    }
  });

  it("is refused to callers elsewhere", { skip: outside === undefined }, async () => {
    const open = await startFakeServer(cleanup, {
      host: "0.0.0.0",
      debug: { endpoints: "all", settings },
    });
    const paths = ["", ...lightPaths, ...heavyPaths];
    for (const path of paths) {
      const method = heavyPaths.includes(path) ? "POST" : "GET";
      const response = await fetch(`http://${outside}:${open.address.port}/debug/${path}`, {
        method,
      });
      assert.equal(response.status, 403, path);
      const { error } = (await response.json()) as { error: string };
      assert.match(error, /answers clients on this machine only/);
    }
    const put = { method: "PUT", body: '{"level":"silent"}' };
    const url = `http://${outside}:${open.address.port}/debug/log-level`;
    assert.equal((await fetch(url, put)).status, 403);
    const refused = open.logged.filter(({ code }) => code === "PermissionDenied");
    assert.equal(refused.length, paths.length + 1);
  });
});
