import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { GRPCInferenceService as Inference } from "../../gen/inference/inference_pb.ts";
import { defaultRunSettings } from "../../src/config/run-settings.ts";
import { type Calls, callsOf, codeIn, valuesIn } from "../support/clients/calls.ts";
import { type Client, clientKinds, type Outcome } from "../support/clients/clients.ts";
import { crashesAtRun } from "../support/models/failing-models.ts";
import { slowLoop } from "../support/models/heavy-models.ts";
import { addConstant, addOne } from "../support/models/simple-models.ts";
import { type Runtime, startRuntime } from "../support/servers/runtime.ts";
import { waitFor } from "../support/wait-for.ts";

const graceMs = 500;
const runLimitMs = 1_500;
/** Some days. */
const endless = 100_000_000;

describe("an engine host that goes wrong", { timeout: 300_000 }, () => {
  let runtime: Runtime;
  let client: Client;
  let calls: Calls;
  before(async () => {
    // One host for all: everybody is a neighbour of the fault.
    runtime = await startRuntime({
      engineHosts: 1,
      killGraceMs: graceMs,
      runSettings: { ...defaultRunSettings, maxRunMs: runLimitMs },
    });
    await runtime.put("add1.onnx", addOne());
    await runtime.put("add2.onnx", addConstant(2));
    await runtime.put("slow.onnx", slowLoop());
    // Another file, or what is known of the one would be held against the other.
    await runtime.put("endless.onnx", slowLoop());
    await runtime.put("crash.onnx", crashesAtRun());
    await runtime.put("poison.onnx", crashesAtRun("x"));
    const opened = clientKinds.find(({ name }) => name === "grpc-js")?.open(runtime);
    assert.ok(opened);
    client = opened;
    calls = callsOf(client);
    await runtime.engine.ready;
  });
  afterEach(async () => {
    for (const id of ["a", "b", "c", "slow", "crash", "poison"]) {
      assert.equal(codeIn(await calls.unload(id)), "OK");
    }
    assert.equal(runtime.models.usedBytes, 0);
  });
  after(async () => {
    client?.close();
    await runtime?.close();
  });

  const pidOf = (id: string): number => {
    const pid = runtime.models.hostPidOf(id);
    assert.ok(pid);
    return pid;
  };
  const kindOf = (id: string) => {
    const pid = pidOf(id);
    return runtime.engine.hosts().find((host) => host.pid === pid)?.kind;
  };

  async function loadNeighbours(): Promise<void> {
    assert.equal(codeIn(await calls.load("a", "add1.onnx")), "OK");
    assert.equal(codeIn(await calls.load("b", "add2.onnx")), "OK");
  }

  async function timed<T>(work: Promise<T>): Promise<{ result: T; tookMs: number }> {
    const startMs = performance.now();
    const result = await work;
    return { result, tookMs: Math.round(performance.now() - startMs) };
  }

  /** Requests to both neighbours over and over; the outcomes when it is stopped. */
  function traffic(): () => Promise<{ count: number; failed: Outcome[] }> {
    let isOver = false;
    const outcomes: Outcome[] = [];
    const users = ["a", "b", "a", "b"].map(async (id) => {
      while (!isOver) outcomes.push(await calls.infer(id));
    });
    return async () => {
      isOver = true;
      await Promise.all(users);
      return { count: outcomes.length, failed: outcomes.filter((outcome) => !outcome.ok) };
    };
  }

  it("because it stands still is killed after the grace, and those who wait for it are answered", async (t) => {
    await loadNeighbours();
    // What it was executing counts as the reason, rightly or not, and is kept away from others later.
    assert.equal(codeIn(await calls.load("c", "add1.onnx")), "OK");
    const pid = pidOf("c");
    process.kill(pid, "SIGSTOP");
    const late = timed(calls.infer("c", { timeoutMs: 200 }));
    await sleep(20);
    const patient = timed(calls.infer("b"));
    const { result, tookMs } = await late;
    assert.equal(codeIn(result), "DeadlineExceeded");
    const answer = await patient;
    assert.deepEqual(valuesIn(answer.result), [3, 4, 5, 6]);
    await waitFor(() => runtime.models.isModelReady("c") && pidOf("c") !== pid);
    assert.equal(kindOf("b"), "shared");
    assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
    t.diagnostic(
      `200 ms of deadline answered after ${tookMs} ms; ${graceMs} ms of grace, neighbour answered after ${answer.tookMs} ms`,
    );
  });

  it("in a run without a deadline, over RUN_TIMEOUT, is killed after the grace as well", async (t) => {
    await loadNeighbours();
    assert.equal(codeIn(await calls.load("slow", "endless.onnx")), "OK");
    const pid = pidOf("slow");
    const endlessRun = timed(calls.inferSlowly("slow", endless));
    await sleep(50);
    const patient = timed(calls.infer("b"));
    const { result, tookMs } = await endlessRun;
    assert.equal(codeIn(result), "DeadlineExceeded");
    assert.match(result.ok ? "" : result.message, /longer than 1500 ms, the limit of RUN_TIMEOUT/);
    const answer = await patient;
    assert.deepEqual(valuesIn(answer.result), [3, 4, 5, 6]);
    assert.deepEqual(valuesIn(await calls.inferSlowly("slow", 1)), [1, 2, 3, 4]);
    assert.notEqual(pidOf("slow"), pid);
    assert.equal(kindOf("slow"), "dedicated");
    assert.equal(kindOf("a"), "shared");
    t.diagnostic(
      `limit ${runLimitMs} ms: answered after ${tookMs} ms, a neighbour after ${answer.tookMs} ms`,
    );
  });

  it("in a run that never ends is killed after the grace; that model gets a host of its own", async (t) => {
    await loadNeighbours();
    assert.equal(codeIn(await calls.load("slow", "slow.onnx")), "OK");
    const pid = pidOf("slow");
    const late = timed(calls.inferSlowly("slow", endless, { timeoutMs: 200 }));
    await sleep(50);
    const patient = timed(calls.infer("b"));
    const sameModel = calls.inferSlowly("slow", 1);
    assert.equal(codeIn((await late).result), "DeadlineExceeded");
    const answer = await patient;
    assert.deepEqual(valuesIn(answer.result), [3, 4, 5, 6]);
    assert.deepEqual(valuesIn(await sameModel), [1, 2, 3, 4]);
    assert.notEqual(pidOf("slow"), pid);
    assert.equal(kindOf("slow"), "dedicated");
    assert.equal(kindOf("a"), "shared");
    const stop = traffic();
    const again = await calls.inferSlowly("slow", endless, { timeoutMs: 200 });
    assert.equal(codeIn(again), "DeadlineExceeded");
    assert.deepEqual(valuesIn(await calls.inferSlowly("slow", 1)), [1, 2, 3, 4]);
    const { count, failed } = await stop();
    assert.deepEqual(failed, []);
    t.diagnostic(
      `neighbour answered after ${answer.tookMs} ms; ${count} requests beside the second such run`,
    );
  });

  it("at every run of a model: the model moves away from the others, then it is given up", async (t) => {
    await loadNeighbours();
    assert.equal(codeIn(await calls.load("crash", "crash.onnx")), "OK");
    const pid = pidOf("a");
    const stop = traffic();
    const first = await calls.infer("crash");
    assert.equal(codeIn(first), "Internal");
    assert.match(
      first.ok ? "" : first.message,
      /^the engine host \(process \d+\) ended by SIGFPE$/,
    );
    const pidAfter = await neighbourPid(pid);
    await waitFor(() => runtime.models.isModelReady("crash"));
    assert.equal(kindOf("crash"), "dedicated");
    const second = await calls.infer("crash");
    assert.equal(codeIn(second), "Internal");
    assert.match(second.ok ? "" : second.message, /^model 'crash' was given up: .* SIGFPE$/);
    // ModelMesh is to know that it is not here; if it sends it again, it hears why not.
    assert.equal(codeIn(await calls.infer("crash")), "NotFound");
    const refused = await calls.load("crash", "crash.onnx");
    assert.equal(codeIn(refused), "Internal");
    assert.match(refused.ok ? "" : refused.message, /not loaded for another \d+ s: .* SIGFPE$/);
    const { count, failed } = await stop();
    assert.deepEqual(failed, []);
    assert.equal(pidOf("a"), pidAfter, "the neighbours lost more than one host");
    t.diagnostic(`three hosts died; ${count} requests of neighbours, none failed`);
  });

  it("at one request costs nobody else anything but time", async (t) => {
    await loadNeighbours();
    assert.equal(codeIn(await calls.load("poison", "poison.onnx")), "OK");
    const stop = traffic();
    const poison = run("poison", -1);
    const others = Array.from({ length: 20 }, () => run("poison", 1));
    assert.equal(codeIn(await poison), "Internal");
    const outcomes = await Promise.all(others);
    assert.deepEqual(
      outcomes.map(codeIn).filter((code) => code !== "OK"),
      [],
    );
    const { count, failed } = await stop();
    assert.deepEqual(failed, []);
    t.diagnostic(`one request lost of ${count + 21}`);
  });

  it("while one of its models is unloaded lets the unload succeed, and the others come back", async (t) => {
    await loadNeighbours();
    assert.equal(codeIn(await calls.load("slow", "slow.onnx")), "OK");
    const pid = pidOf("slow");
    const running = calls.inferSlowly("slow", 2000);
    await sleep(100);
    const unload = timed(calls.unload("slow"));
    await sleep(50);
    process.kill(pid, "SIGKILL");
    const { result, tookMs } = await unload;
    assert.equal(codeIn(result), "OK");
    assert.match(codeIn(await running), /^(Aborted|Internal)$/);
    assert.equal(codeIn(await calls.inferSlowly("slow", 1)), "NotFound");
    assert.deepEqual(valuesIn(await calls.infer("a")), [2, 3, 4, 5]);
    assert.notEqual(pidOf("a"), pid);
    t.diagnostic(`unload answered ${tookMs} ms after it was asked for`);
  });

  async function neighbourPid(before: number): Promise<number> {
    await waitFor(() => (runtime.models.hostPidOf("a") ?? before) !== before);
    return pidOf("a");
  }

  function run(id: string, value: number): Promise<Outcome> {
    const x = { name: "x", datatype: "FP32", shape: [1n, 4n] };
    const inputs = [{ ...x, contents: { fp32Contents: [value, 1, 1, 1] } }];
    return client.call(Inference.method.modelInfer, { modelName: id, inputs });
  }
});
