import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from "../../gen/grpc/health/v1/health_pb.ts";
import { codeIn, valuesIn } from "../support/clients/calls.ts";
import type { Outcome } from "../support/clients/clients.ts";
import { canMeasureTrees, measureTree } from "../support/processes/process-tree.ts";
import { startServed } from "../support/servers/served.ts";
import {
  type ServedCalls,
  startServedCalls,
  writeServedModels,
} from "../support/servers/served-calls.ts";
import { waitFor } from "../support/wait-for.ts";

/** "" is the whole runtime. */
const services = [
  ...["", "mmesh.ModelRuntime", "inference.GRPCInferenceService"],
  "modelport.v1.RuntimeWatchService",
];

describe("SIGTERM", () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "modelport-shutdown-"));
    await writeServedModels(root);
  });
  after(() => rm(root, { recursive: true, force: true }));

  interface Running extends ServedCalls {
    /** Every process of the runtime, so that none is left afterwards. */
    pids(): Promise<readonly number[]>;
  }

  async function start(t: TestContext, flags: readonly string[] = []): Promise<Running> {
    const { served, calls } = await startServedCalls(t, root, flags);
    const pids = async () => (canMeasureTrees ? (await measureTree(served.pid)).pids : []);
    return { served, calls, pids };
  }

  function assertGone(pids: readonly number[]): void {
    for (const pid of pids) assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
  }

  it("ends an idle runtime with code 0, and all of its hosts", async (t) => {
    const { served, calls, pids } = await start(t);
    assert.equal(codeIn(await calls.load("m", "add1.onnx")), "OK");
    const all = await pids();
    assert.equal(await served.stop("SIGTERM"), 0);
    assertGone(all);
  });

  it("lets inferences in flight finish", async (t) => {
    const { served, calls } = await start(t);
    await calls.load("slow", "slow.onnx");
    const running = calls.inferSlowly("slow", 150);
    await sleep(150);
    const stopped = served.stop("SIGTERM");
    assert.deepEqual(valuesIn(await running), [1, 2, 3, 4]);
    assert.equal(await stopped, 0);
  });

  it("shows every service NOT_SERVING while inferences in flight still run", async (t) => {
    const { served, calls } = await start(t);
    await calls.load("slow", "slow.onnx");
    const baseUrl = `http://localhost:${served.port}`;
    const health = createClient(Health, createGrpcTransport({ baseUrl }));
    const seen = services.map((): Status[] => []);
    const watches = services.map(async (service, at) => {
      for await (const { status } of health.watch({ service })) seen[at]?.push(status);
    });
    await waitFor(() => seen.every((states) => states.at(-1) === Status.SERVING));
    let isRunning = true;
    const running = calls.inferSlowly("slow", 600).finally(() => {
      isRunning = false;
    });
    await sleep(150);
    const stopped = served.stop("SIGTERM");
    await Promise.all(watches);
    assert.ok(isRunning);
    for (const states of seen) assert.equal(states.at(-1), Status.NOT_SERVING);
    assert.deepEqual(valuesIn(await running), [1, 2, 3, 4]);
    assert.equal(await stopped, 0);
  });

  it("ends inferences that outlast the grace with one clear error", async (t) => {
    const { served, calls, pids } = await start(t, ["--shutdown-grace", "300"]);
    await calls.load("slow", "slow.onnx");
    const running = calls.inferSlowly("slow", 1_000_000);
    await sleep(150);
    const all = await pids();
    const stopped = served.stop("SIGTERM");
    assert.match(codeIn(await running), /^(Aborted|Unavailable)$/);
    assert.equal(await stopped, 0);
    assertGone(all);
  });

  it("stops loads at once", async (t) => {
    const { served, calls, pids } = await start(t);
    const loading = calls.load("big", "big.onnx");
    await sleep(150);
    const all = await pids();
    const stopped = served.stop("SIGTERM");
    const outcome = await loading;
    assert.equal(codeIn(outcome), "Unavailable");
    assert.match(outcome.ok ? "" : outcome.message, /shutting down/);
    assert.equal(await stopped, 0);
    assertGone(all);
  });

  it("is not held up by FIFOs in place of models and storage keys, and nor is an unload", async (t) => {
    const keys = join(root, "keys");
    await mkdir(keys);
    // More than Node has threads for files.
    const names = ["a", "b", "c", "d", "e"];
    execFileSync(
      "mkfifo",
      names.flatMap((name) => [join(root, `${name}.onnx`), join(keys, name)]),
    );
    const { served, calls, pids } = await start(t, ["--storage-config-dir", keys]);
    const outcomes = names.flatMap((name) => [
      calls.load(`path-${name}`, `${name}.onnx`),
      calls.load(`key-${name}`, "m.onnx", { key: JSON.stringify({ storage_key: name }) }),
    ]);
    const unloaded = names.flatMap((name) => [
      calls.unload(`path-${name}`),
      calls.unload(`key-${name}`),
    ]);
    for (const outcome of await Promise.all(unloaded)) assert.equal(codeIn(outcome), "OK");
    for (const outcome of await Promise.all(outcomes)) {
      // Or the unload came first.
      assert.match(codeIn(outcome), /^(InvalidArgument|Aborted|Canceled)$/);
    }
    for (const name of names) {
      const key = JSON.stringify({ storage_key: name });
      assert.match(messageOf(await calls.load("m", `${name}.onnx`)), /\.onnx is a FIFO/);
      assert.match(messageOf(await calls.load("m", "m.onnx", { key })), /FIFO/);
    }
    const all = await pids();
    void calls.load("last", "a.onnx");
    void calls.load("last-key", "m.onnx", { key: JSON.stringify({ storage_key: "a" }) });
    assert.equal(await served.stop("SIGTERM"), 0);
    assertGone(all);
  });

  it("before the engine is up ends it just as well", async (t) => {
    const { served, pids } = await start(t);
    const all = await pids();
    assert.equal(await served.stop("SIGTERM"), 0);
    assertGone(all);
  });
});

function messageOf(outcome: Outcome): string {
  return outcome.ok ? "no failure" : outcome.message;
}

describe("a start that cannot succeed", () => {
  it("says why, and ends with code 1", async () => {
    const cases: [flags: string[], message: RegExp][] = [
      [["--model-repository", "no-such-folder"], /no-such-folder' does not exist/],
      [["--engine-hosts", "none"], /--engine-hosts is "none", expected an integer/],
      [["--no-such-flag"], /--no-such-flag/],
    ];
    for (const [flags, message] of cases) {
      // A bad repository is found once the port is open, so that ModelMesh never waits for a listing.
      const outcome = await startServed(flags).then(
        async (served) => {
          const code = await served.exited;
          return `ended with ${code}: ${served.complaints()}`;
        },
        (error: Error) => error.message,
      );
      assert.match(outcome, message);
      assert.match(outcome, /ended with 1/);
    }
  });
});
