import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { type Calls, callsOf, codeIn, valuesIn } from "../support/clients/calls.ts";
import { clientKinds } from "../support/clients/clients.ts";
import { watchReaders } from "../support/clients/watch-readers.ts";
import { slowLoop } from "../support/models/heavy-models.ts";
import { addOne } from "../support/models/simple-models.ts";
import { type Served, startServed } from "../support/servers/served.ts";

const clock = fileURLToPath(new URL("../support/fakes/jumping-clock.ts", import.meta.url));
const patienceMs = 120_000;
/** Some days. */
const endless = 100_000_000;

describe("a server whose wall clock jumps by a day, back and forth", { timeout: 300_000 }, () => {
  let root: string;
  let served: Served;
  /** Times in its log, which show that the clock jumps. */
  const loggedMs: number[] = [];
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "modelport-clock-"));
    await writeFile(join(root, "add1.onnx"), addOne());
    await writeFile(join(root, "slow.onnx"), slowLoop());
    served = await startServed(
      ["--root-model-dir", root, "--engine-hosts", "1", "--log-level", "debug"],
      {
        nodeFlags: ["--import", clock],
        logged: ({ time }) => loggedMs.push(Number(time)),
      },
    );
  });
  after(async () => {
    await served?.stop("SIGKILL");
    await rm(root, { recursive: true, force: true });
  });

  function open(t: TestContext, name: string): Calls {
    const client = clientKinds.find((kind) => kind.name === name)?.open(served);
    assert.ok(client);
    t.after(() => client.close());
    return callsOf(client);
  }

  for (const { name, skip } of clientKinds) {
    it(`loads, runs and unloads for ${name}, with deadlines that are far away`, {
      skip: skip ?? false,
    }, async (t) => {
      const calls = open(t, name);
      const options = { timeoutMs: patienceMs };
      for (let round = 0; round < 3; round++) {
        assert.equal(codeIn(await calls.load("m", "add1.onnx", options)), "OK");
        for (let run = 0; run < 10; run++) {
          assert.deepEqual(valuesIn(await calls.infer("m", options)), [2, 3, 4, 5]);
        }
        assert.equal(codeIn(await calls.unload("m")), "OK");
      }
    });
  }

  it("ends a call when its deadline has passed, neither before nor much later", async (t) => {
    const calls = open(t, "grpc-js");
    assert.equal(codeIn(await calls.load("slow", "slow.onnx")), "OK");
    for (const timeoutMs of [300, 700]) {
      const startMs = performance.now();
      assert.equal(
        codeIn(await calls.inferSlowly("slow", endless, { timeoutMs })),
        "DeadlineExceeded",
      );
      const tookMs = performance.now() - startMs;
      assert.ok(tookMs > timeoutMs * 0.9 && tookMs < patienceMs, `${timeoutMs} ms took ${tookMs}`);
    }
    assert.deepEqual(valuesIn(await calls.inferSlowly("slow", 1)), [1, 2, 3, 4]);
    assert.equal(codeIn(await calls.unload("slow")), "OK");
  });

  it("keeps telling its watchers what there is, in time", async () => {
    const reader = watchReaders.find(({ name }) => name === "gRPC, h2");
    assert.ok(reader);
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), patienceMs);
    let messages = 0;
    // One at least every two seconds, whatever the clock says.
    for await (const _message of reader.read(served.port, stop.signal)) {
      if (++messages === 4) stop.abort();
    }
    clearTimeout(timer);
    assert.equal(messages, 4);
  });

  it("has seen its clock jump, and ends in order", async () => {
    const jumpsMs = loggedMs.slice(1).map((ms, at) => Math.abs(ms - (loggedMs[at] ?? 0)));
    assert.ok(Math.max(...jumpsMs) > 10 * 3_600_000, "the clock did not jump");
    assert.equal(await served.stop("SIGTERM"), 0);
    assert.doesNotMatch(served.complaints(), /"level":[56]0|uncaught|unhandled/i);
  });
});
