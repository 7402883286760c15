import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import type { LoadedModel } from "../../src/engine/contract/engine.ts";
import { createEngine } from "../../src/engine/create-engine.ts";
import { slowLoop } from "../support/models/heavy-models.ts";
import { writeWeightsModel } from "../support/models/layered-models.ts";
import { addConstant, addOne } from "../support/models/simple-models.ts";
import { openFilesBelow } from "../support/processes/open-files.ts";
import {
  forever,
  fp32,
  fp32Values,
  inspectAt,
  isRunning,
  slowInputs,
  startEngine,
  until,
} from "../support/servers/engine-fixture.ts";

const MiB = 2 ** 20;
const limitMs = 300_000;

async function addTo(model: LoadedModel): Promise<number[]> {
  const inputs = [fp32("x", [1, 4], [1, 2, 3, 4])];
  const [y] = await model.infer({ inputs, outputs: ["y"] }, forever);
  return fp32Values(y);
}

describe("the engine hosts", { timeout: limitMs }, () => {
  it("are as many as asked for, and a spare", async (t) => {
    const { engine, settled } = await startEngine(t, { hosts: 2 });
    await settled(2);
    const hosts = engine.hosts();
    assert.equal(hosts.length, 3);
    assert.equal(new Set(hosts.map((host) => host.pid)).size, 3);
    for (const { pid, memoryBytes } of hosts) {
      assert.ok(isRunning(pid));
      assert.ok((memoryBytes ?? 0) > MiB && (memoryBytes ?? 0) < 64 * MiB, String(memoryBytes));
    }
  });

  it("take loads before they are up", async (t) => {
    const { put, engine: first } = await startEngine(t);
    const source = await inspectAt(first, await put("add.onnx", addOne()), undefined);
    const engine = createEngine({ hosts: 1 });
    try {
      const shared = engine.load(source, { signal: forever, isolated: false });
      const isolated = engine.load({ ...source }, { signal: forever, isolated: true });
      assert.deepEqual(await addTo(await shared), [2, 3, 4, 5]);
      assert.deepEqual(await addTo(await isolated), [2, 3, 4, 5]);
    } finally {
      await engine.close();
    }
  });

  it("keep no book of the models that they load", async (t) => {
    const { engine, put, load } = await startEngine(t);
    const { hostPid } = await load(await put("add.onnx", addOne()));
    assert.ok(engine.hosts().some(({ pid }) => pid === hostPid));
    // ONNX Runtime's telemetry goes through a database in the user's home and a log in /tmp.
    const open = await openFilesBelow("", hostPid);
    assert.ok(open.some((file) => file.includes("libonnxruntime")));
    assert.deepEqual(
      open.filter((file) => /onnxruntime\.db|mat-debug/.test(file)),
      [],
    );
  });

  it("ignore the signals of a terminal, which are for the server", async (t) => {
    const { engine, put, load, settled } = await startEngine(t);
    await settled(1);
    const model = await load(await put("add.onnx", addOne()));
    for (const { pid } of engine.hosts()) {
      process.kill(pid, "SIGINT");
      process.kill(pid, "SIGTERM");
    }
    assert.deepEqual(await addTo(model), [2, 3, 4, 5]);
    assert.ok(engine.hosts().every((host) => isRunning(host.pid)));
  });
});

describe("a host that is killed", { timeout: limitMs }, () => {
  it("loses its models and no others; the spare takes its place", async (t) => {
    const { engine, put, load, settled } = await startEngine(t, { hosts: 2 });
    await settled(2);
    const models = await Promise.all(
      [1, 2, 3, 4].map(async (amount) => load(await put(`${amount}.onnx`, addConstant(amount)))),
    );
    const spare = engine.hosts().find((host) => host.kind === "spare")?.pid;
    const victim = models[0]?.hostPid ?? 0;
    const dead = models.filter((model) => model.hostPid === victim);
    const alive = models.filter((model) => model.hostPid !== victim);
    assert.ok(dead.length > 0 && alive.length > 0);
    process.kill(victim, "SIGKILL");
    for (const model of dead) {
      const error = await model.lost;
      assert.equal(error.kind, "host-lost");
      assert.match(error.message, new RegExp(`process ${victim}\\) ended by SIGKILL$`));
      await assert.rejects(addTo(model), { kind: "host-lost" });
      await model.unload();
    }
    for (const model of alive) {
      assert.equal((await addTo(model)).length, 4);
      assert.equal(await Promise.race([model.lost, Promise.resolve("held")]), "held");
    }
    const sharedPids = () =>
      engine.hosts().flatMap((host) => (host.kind === "shared" ? [host.pid] : []));
    assert.ok(sharedPids().includes(spare ?? 0), "the spare is shared now");
    await settled(2);
    assert.ok(!sharedPids().includes(victim));
    // What comes back goes to the empty host, not all to hosts of their own.
    const again = await Promise.all(dead.map(async () => load(await put("again.onnx", addOne()))));
    for (const model of again) assert.deepEqual(await addTo(model), [2, 3, 4, 5]);
    assert.ok(again.some((model) => model.hostPid === spare));
    assert.ok(engine.hosts().every((host) => host.kind !== "dedicated"));
  });

  it("while it runs fails the runs it has and those that wait for it", async (t) => {
    const { put, load } = await startEngine(t);
    const slow = await load(await put("slow.onnx", slowLoop()));
    const runs = Array.from({ length: 6 }, () =>
      slow.infer({ inputs: slowInputs(10_000_000n), outputs: ["y"] }, forever),
    );
    const settled = Promise.allSettled(runs);
    setTimeout(() => process.kill(slow.hostPid, "SIGKILL"), 50);
    for (const result of await settled) {
      assert.equal(result.status === "rejected" && result.reason.kind, "host-lost");
    }
    assert.equal((await slow.lost).kind, "host-lost");
  });

  it("while it loads fails that load as host-lost, and those behind it as not tried", async (t) => {
    const { engine, directory, settled } = await startEngine(t, { dedicatedMinBytes: 2048 * MiB });
    await settled(1);
    const path = join(directory, "big.onnx");
    await writeWeightsModel(path, 256 * MiB);
    const source = await inspectAt(engine, path, undefined);
    const victim = engine.hosts().find((host) => host.kind === "shared")?.pid ?? 0;
    const options = { signal: forever, isolated: false };
    const results = Promise.allSettled([
      engine.load(source, options),
      engine.load(source, options),
    ]);
    setTimeout(() => process.kill(victim, "SIGKILL"), 50);
    const kinds = (await results).map(
      (result) => result.status === "rejected" && result.reason.kind,
    );
    assert.deepEqual(kinds, ["host-lost", "temporarily-unavailable"]);
    assert.equal(isRunning(victim), false);
  });

  it("of its own, loses its model", async (t) => {
    const { put, load, settled } = await startEngine(t);
    await settled(1);
    const model = await load(await put("add.onnx", addOne()), { isolated: true });
    process.kill(model.hostPid, "SIGKILL");
    assert.equal((await model.lost).kind, "host-lost");
    await model.unload();
    await settled(1);
  });

  it("by an abort of the engine is reported with what it wrote", async (t) => {
    const lines: object[] = [];
    const log = { info() {}, warn: (facts: object) => lines.push(facts), error() {} };
    const { engine, settled } = await startEngine(t, { log });
    await settled(1);
    const [victim] = engine.hosts();
    process.kill(victim?.pid ?? 0, "SIGABRT");
    await until("the loss is logged", () => lines.some((facts) => "reason" in facts));
    const { reason } = lines.find((facts) => "reason" in facts) as { reason: string };
    assert.match(reason, /ended by SIGABRT$/);
  });
});

describe("an unload", { timeout: limitMs }, () => {
  it("is idempotent and never rejects", async (t) => {
    const { put, load } = await startEngine(t);
    for (const isolated of [false, true]) {
      const model = await load(await put("add.onnx", addOne()), { isolated });
      await Promise.all([model.unload(), model.unload()]);
      await model.unload();
      await assert.rejects(addTo(model), { kind: "aborted" });
    }
  });

  it("of a dedicated host's model is not reported as a loss", async (t) => {
    const lost: object[] = [];
    const log = { info() {}, warn: (facts: object) => lost.push(facts), error() {} };
    const { put, load } = await startEngine(t, { log });
    const model = await load(await put("add.onnx", addOne()), { isolated: true });
    await model.unload();
    assert.equal(isRunning(model.hostPid), false);
    assert.equal(await Promise.race([model.lost, Promise.resolve("pending")]), "pending");
    assert.deepEqual(lost, []);
  });
});

describe("closing the engine", { timeout: limitMs }, () => {
  it("ends every host and everything that is under way", async (t) => {
    const { engine, directory, put, load } = await startEngine(t, { hosts: 2 });
    const slow = await load(await put("slow.onnx", slowLoop()));
    await load(await put("add.onnx", addOne()), { isolated: true });
    const big = join(directory, "big.onnx");
    await writeWeightsModel(big, 200 * MiB);
    const run = slow.infer({ inputs: slowInputs(10_000_000n), outputs: ["y"] }, forever);
    const source = await inspectAt(engine, big, undefined);
    const loading = engine.load(source, { signal: forever, isolated: false });
    const pids = engine.hosts().map((host) => host.pid);
    const shuttingDown = { kind: "shutting-down" };
    const outcomes = [assert.rejects(run, shuttingDown), assert.rejects(loading, shuttingDown)];
    await Promise.all([engine.close(), engine.close()]);
    assert.ok(pids.every((pid) => !isRunning(pid)));
    await Promise.all(outcomes);
    assert.deepEqual(engine.hosts(), []);
    await assert.rejects(engine.load(source, { signal: forever, isolated: true }), shuttingDown);
    await assert.rejects(engine.load(source, { signal: forever, isolated: false }), shuttingDown);
    await assert.rejects(inspectAt(engine, big, undefined), shuttingDown);
    await assert.rejects(addTo(slow), shuttingDown);
    await slow.unload();
    assert.equal(await Promise.race([slow.lost, Promise.resolve("pending")]), "pending");
  });

  it("before any host is up leaves none behind", async () => {
    const engine = createEngine({ hosts: 2 });
    const pids = engine.hosts().map((host) => host.pid);
    assert.equal(pids.length, 3);
    await engine.close();
    await assert.rejects(engine.ready, { kind: "shutting-down" });
    assert.ok(pids.every((pid) => !isRunning(pid)));
  });
});

describe("hosts whose server dies", { timeout: limitMs }, () => {
  it("end by themselves, even if it was by SIGKILL", async () => {
    const module = new URL("../../src/engine/create-engine.ts", import.meta.url).href;
    const script = `
      const { createEngine } = await import(${JSON.stringify(module)});
      const engine = createEngine({ hosts: 2 });
      await engine.ready;
      console.log(JSON.stringify(engine.hosts().map((host) => host.pid)));
    `;
    const server = spawn(process.execPath, ["--input-type=module", "--eval", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const [line] = (await once(createInterface(server.stdout), "line")) as [string];
      const pids = JSON.parse(line) as number[];
      assert.equal(pids.length, 3);
      assert.ok(pids.every(isRunning));
      server.kill("SIGKILL");
      await once(server, "exit");
      await until("the hosts have ended", () => !pids.some(isRunning));
    } finally {
      server.kill("SIGKILL");
    }
  });
});
