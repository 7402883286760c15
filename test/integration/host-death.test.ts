import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { type Calls, callsOf, codeIn, valuesIn } from "../support/clients/calls.ts";
import { type Client, clientKinds, type Outcome } from "../support/clients/clients.ts";
import { slowLoop } from "../support/models/heavy-models.ts";
import { writeWeightsModel } from "../support/models/layered-models.ts";
import { addConstant } from "../support/models/simple-models.ts";
import { type Runtime, startRuntime } from "../support/servers/runtime.ts";
import { waitFor } from "../support/wait-for.ts";

const MiB = 1024 * 1024;

describe("the death of an engine host under load", () => {
  let runtime: Runtime;
  let client: Client | undefined;
  let calls: Calls;
  before(async () => {
    runtime = await startRuntime();
    for (const amount of [1, 2, 3, 4]) {
      await runtime.put(`add${amount}.onnx`, addConstant(amount));
    }
    await runtime.put("slow.onnx", slowLoop());
    await writeWeightsModel(join(runtime.root, "big.onnx"), 100 * MiB);
    client = clientKinds.find(({ name }) => name === "grpc-js")?.open({ port: runtime.port });
    assert.ok(client);
    calls = callsOf(client);
    await runtime.engine.ready;
  });
  after(async () => {
    client?.close();
    await runtime?.close();
  });

  const pidOf = (id: string) => {
    const pid = runtime.models.hostPidOf(id);
    assert.ok(pid);
    return pid;
  };

  /** Runs a model over and over until `stop`; the outcomes in order. */
  function traffic(id: string, stop: AbortSignal, call = () => calls.infer(id)) {
    const outcomes: Outcome[] = [];
    const done = Promise.all(
      [1, 2, 3, 4].map(async () => {
        while (!stop.aborted) outcomes.push(await call());
      }),
    );
    return { id, outcomes, done };
  }

  /** Kills the host of `victim` while all models serve, and reports when it is back. */
  async function killUnderLoad(victim: string, ids: readonly string[], t: TestContext) {
    const stop = new AbortController();
    const running = ids.map((id) => traffic(id, stop.signal));
    await waitFor(() => running.every(({ outcomes }) => outcomes.length > 20));
    const pid = pidOf(victim);
    const neighbours = ids.filter((id) => pidOf(id) === pid);
    const killedMs = performance.now();
    process.kill(pid, "SIGKILL");
    await waitFor(() => neighbours.every((id) => runtime.models.hostPidOf(id) === undefined));
    await waitFor(() => neighbours.every((id) => runtime.models.isModelReady(id)));
    const backMs = performance.now() - killedMs;
    const counts = running.map(({ outcomes }) => outcomes.length);
    await waitFor(() => running.every(({ outcomes }, at) => outcomes.length > (counts[at] ?? 0)));
    stop.abort();
    await Promise.all(running.map(({ done }) => done));
    const total = running.reduce((sum, { outcomes }) => sum + outcomes.length, 0);
    t.diagnostic(
      `${neighbours.length} models back after ${backMs.toFixed(0)} ms; ${total} requests, all answered`,
    );
    for (const { id, outcomes } of running) {
      const failed = outcomes.filter((outcome) => !outcome.ok);
      assert.deepEqual(failed, [], `requests to ${id} that failed`);
    }
  }

  it("goes unseen by callers of its models, and leaves other hosts' models alone", async (t) => {
    const ids = ["a", "b", "c", "d"];
    for (const [at, id] of ids.entries()) await calls.load(id, `add${at + 1}.onnx`);
    assert.equal(new Set(ids.map(pidOf)).size, 2, "the models are spread over two hosts");
    for (const victim of ["a", "b", "a"]) {
      const untouched = ids.filter((id) => pidOf(id) !== pidOf(victim));
      const before = untouched.map(pidOf);
      await killUnderLoad(victim, ids, t);
      assert.deepEqual(untouched.map(pidOf), before);
    }
    for (const [at, id] of ids.entries()) {
      assert.deepEqual(
        valuesIn(await calls.infer(id)),
        [1, 2, 3, 4].map((value) => value + at + 1),
      );
      await calls.unload(id);
    }
    assert.equal(runtime.models.usedBytes, 0);
  });

  it("brings back a hundred models at once", async (t) => {
    const ids = Array.from({ length: 100 }, (_, at) => `many-${at}`);
    await Promise.all(ids.map((id) => calls.load(id, "add1.onnx")));
    await killUnderLoad("many-0", ids.slice(0, 8), t);
    await waitFor(() => ids.every((id) => runtime.models.isModelReady(id)));
    const hosts = runtime.engine.hosts();
    assert.equal(hosts.filter(({ kind }) => kind === "dedicated").length, 0);
    assert.equal(
      hosts.reduce((sum, { models }) => sum + models, 0),
      100,
    );
    await Promise.all(ids.map((id) => calls.unload(id)));
    assert.equal(runtime.models.usedBytes, 0);
  });

  it("is survived by a model that has a host of its own", async () => {
    await calls.load("big", "big.onnx");
    const pid = pidOf("big");
    process.kill(pid, "SIGKILL");
    await waitFor(() => runtime.models.hostPidOf("big") === undefined);
    await waitFor(() => runtime.models.isModelReady("big"));
    assert.notEqual(pidOf("big"), pid);
    assert.equal(codeIn(await calls.unload("big")), "OK");
    assert.equal(runtime.models.usedBytes, 0);
  });

  it("is one clear error to a request under which four hosts are killed", async () => {
    await calls.load("slow", "slow.onnx");
    const running = calls.inferSlowly("slow", 300);
    for (const _ of [1, 2, 3, 4]) {
      await waitFor(() => runtime.models.hostPidOf("slow") !== undefined);
      const pid = pidOf("slow");
      // The request must have reached this host before the host dies.
      await new Promise((resolve) => setTimeout(resolve, 200));
      process.kill(pid, "SIGKILL");
      await waitFor(() => runtime.models.hostPidOf("slow") !== pid);
    }
    const outcome = await running;
    assert.equal(codeIn(outcome), "Internal");
    assert.match(outcome.ok ? "" : outcome.message, /engine host .*SIGKILL/);
    await waitFor(() => runtime.models.isModelReady("slow"));
    assert.deepEqual(valuesIn(await calls.inferSlowly("slow", 1)), [1, 2, 3, 4]);
    await calls.unload("slow");
  });

  it("during a load is repaired within the load", async () => {
    const loading = calls.load("big", "big.onnx");
    await waitFor(() => runtime.engine.hosts().some(({ kind }) => kind === "dedicated"));
    const victim = runtime.engine.hosts().find(({ kind }) => kind === "dedicated");
    assert.ok(victim);
    process.kill(victim.pid, "SIGKILL");
    assert.equal(codeIn(await loading), "OK");
    await calls.unload("big");
    assert.equal(runtime.models.usedBytes, 0);
  });
});
