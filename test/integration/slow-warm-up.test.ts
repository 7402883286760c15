import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { LoadedModel } from "../../src/engine/contract/engine.ts";
import { HostLostError } from "../../src/engine/contract/host-lost-error.ts";
import type { EngineOptions } from "../../src/engine/create-engine.ts";
import { callsOf, codeIn, sizeIn, valuesIn } from "../support/clients/calls.ts";
import { clientKinds } from "../support/clients/clients.ts";
import { slowLoop } from "../support/models/heavy-models.ts";
import { addConstant } from "../support/models/simple-models.ts";
import {
  forever,
  fp32,
  fp32Values,
  inspectAt,
  isRunning,
  startEngine,
  until,
} from "../support/servers/engine-fixture.ts";
import { startRuntime } from "../support/servers/runtime.ts";

/** Takes a quarter of an hour, if nobody ends it. */
const endlessRounds = 300_000;
const limitMs = 500;

describe("a warm-up that does not end in time, in a shared host", { timeout: 300_000 }, () => {
  /** Two small models and one whose warm-up is endless. */
  async function start(t: TestContext, options: EngineOptions = {}) {
    const fixture = await startEngine(t, { warmupTimeoutMs: limitMs, ...options });
    await fixture.settled(1);
    const neighbours = await Promise.all(
      [1, 2].map(async (amount) =>
        fixture.load(await fixture.put(`${amount}.onnx`, addConstant(amount))),
      ),
    );
    const slow = await inspectAt(
      fixture.engine,
      await fixture.put("slow.onnx", slowLoop(endlessRounds)),
      undefined,
    );
    const [first] = neighbours;
    assert.ok(first);
    return { fixture, neighbours, first, slow, former: first.hostPid };
  }

  it("ends when the neighbours have moved, who answer all through and are not lost", async (t) => {
    const { fixture, neighbours, former, slow } = await start(t);
    let isOver = false;
    const counts = neighbours.map(async (model, index) => {
      let answers = 0;
      for (; !isOver || answers === 0; answers++)
        assert.deepEqual(await ask(model), sums(index + 1));
      return answers;
    });
    const loading = fixture.engine.load(slow, { signal: forever, isolated: false });
    await assert.rejects(loading, (error: unknown) => {
      assert.ok(error instanceof HostLostError, String(error));
      // The next attempt has a host of its own, and no warm-up.
      assert.equal(error.part, "caused");
      assert.match(error.message, /a warm-up did not end within 500 ms/);
      return true;
    });
    assert.equal(isRunning(former), false);
    isOver = true;
    t.diagnostic(`${(await Promise.all(counts)).join(" and ")} answers meanwhile`);
    for (const model of neighbours) {
      assert.notEqual(model.hostPid, former);
      assert.equal(await Promise.race([model.lost, Promise.resolve("held")]), "held");
    }
    const again = await fixture.engine.load(slow, { signal: forever, isolated: true });
    assert.equal(again.warmupMs, 0);
    await again.unload();
    await fixture.settled(1);
  });

  it("goes on for as long as they cannot move, until its load is given up", async (t) => {
    // Not a byte may be in memory twice.
    const { fixture, first, former, slow } = await start(t, {
      runMemoryBytes: 1,
      killGraceMs: 100,
    });
    const abort = new AbortController();
    const loading = fixture.engine.load(slow, { signal: abort.signal, isolated: false });
    const asked = ask(first);
    await sleep(4 * limitMs);
    assert.equal(first.hostPid, former);
    assert.ok(isRunning(former));
    const reason = new Error("LOADTIME_TIMEOUT");
    abort.abort(reason);
    await assert.rejects(loading, reason);
    await asked.catch(() => {});
  });

  it("that ends while they move leaves everybody loaded", async (t) => {
    const { fixture, neighbours, former } = await start(t, {
      warmupTimeoutMs: 1,
      wasteIntervalMs: 50,
    });
    const path = await fixture.put("short.onnx", slowLoop(20));
    const source = await inspectAt(fixture.engine, path, undefined);
    const loading = fixture.engine.load(source, { signal: forever, isolated: false });
    const outcome = await loading.then(
      (model) => model,
      (error: unknown) => error,
    );
    t.diagnostic(outcome instanceof Error ? "it was ended" : "it was loaded");
    const loaded = outcome instanceof Error ? neighbours : [...neighbours, outcome as LoadedModel];
    await until("all have left the former host", () =>
      loaded.every(({ hostPid }) => hostPid !== former),
    );
    await until("the former host has ended", () => !isRunning(former));
    for (const [index, model] of neighbours.entries()) {
      assert.deepEqual(await ask(model), sums(index + 1));
    }
    await fixture.settled(1);
  });
});

describe("a load whose warm-up does not end in time", { timeout: 300_000 }, () => {
  it("succeeds in a host of its own, beside neighbours of whom no request fails", async (t) => {
    const runtime = await startRuntime({ engineHosts: 1, warmupTimeoutMs: limitMs });
    t.after(() => runtime.close());
    const client = clientKinds.find(({ name }) => name === "grpc-js")?.open(runtime);
    assert.ok(client);
    t.after(() => client.close());
    const calls = callsOf(client);
    await runtime.put("add.onnx", addConstant(1));
    await runtime.put("slow.onnx", slowLoop(endlessRounds));
    await runtime.engine.ready;
    const ids = ["a", "b"];
    for (const id of ids) assert.equal(codeIn(await calls.load(id, "add.onnx")), "OK");
    const sizes = async () => Promise.all(ids.map(async (id) => sizeIn(await calls.size(id))));
    const before = await sizes();
    let isOver = false;
    const users = ids.map(async (id) => {
      let answers = 0;
      for (; !isOver || answers === 0; answers++) {
        assert.deepEqual(valuesIn(await calls.infer(id)), [2, 3, 4, 5]);
      }
      return answers;
    });
    const loaded = await calls.load("slow", "slow.onnx");
    isOver = true;
    t.diagnostic(`${(await Promise.all(users)).join(" and ")} answers meanwhile`);
    assert.equal(codeIn(loaded), "OK");
    const hostOf = (id: string) =>
      runtime.engine.hosts().find(({ pid }) => pid === runtime.models.hostPidOf(id))?.kind;
    assert.deepEqual(["a", "b", "slow"].map(hostOf), ["shared", "shared", "dedicated"]);
    assert.equal(runtime.engine.hostCounts.ends.killed, 1);
    // As told before: nobody was loaded again.
    assert.deepEqual(await sizes(), before);
    for (const id of [...ids, "slow"]) assert.equal(codeIn(await calls.unload(id)), "OK");
    assert.equal(runtime.models.usedBytes, 0);
  });
});

async function ask(model: LoadedModel): Promise<number[]> {
  const inputs = [fp32("x", [1, 4], [1, 2, 3, 4])];
  const [y] = await model.infer({ inputs, outputs: ["y"] }, forever);
  return fp32Values(y);
}

function sums(amount: number): number[] {
  return [1, 2, 3, 4].map((value) => value + amount);
}
