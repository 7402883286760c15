import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Calls, callsOf, codeIn, valuesIn } from "../support/clients/calls.ts";
import { clientKinds, type Outcome } from "../support/clients/clients.ts";
import { writeWeightsModel } from "../support/models/layered-models.ts";
import { addConstant, addOne } from "../support/models/simple-models.ts";
import { cpuMsOf, measureTree } from "../support/processes/process-tree.ts";
import {
  asNobody,
  canLimit,
  limitProcesses,
  withOpenFiles,
} from "../support/processes/resource-limits.ts";
import { projectRoot, type Served, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

const MiB = 1024 * 1024;
const manyProcesses = 1024;

describe("a system that has run out of", { timeout: 300_000, skip: !canLimit }, () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "modelport-exhaustion-"));
    await chmod(root, 0o755);
    await writeFile(join(root, "add1.onnx"), addOne());
    await writeWeightsModel(join(root, "big.onnx"), 40 * MiB);
  });
  after(() => rm(root, { recursive: true, force: true }));

  async function start(t: TestContext, wrapper: readonly string[]): Promise<Served> {
    const served = await startServed(["--root-model-dir", root, "--engine-hosts", "2"], {
      wrapper,
    });
    t.after(() => served.stop("SIGKILL"));
    return served;
  }

  /** Unlike those of grpc-js, these clients share no connection. */
  function open(t: TestContext, { port }: Pick<Served, "port">): Calls {
    const kind = clientKinds.find(({ name }) => name === "connect-node gRPC, h2");
    const client = kind?.open({ port });
    assert.ok(client);
    t.after(() => client.close());
    return callsOf(client);
  }

  async function hostPids({ pid }: Served): Promise<number[]> {
    return (await measureTree(pid)).pids.filter((each) => each !== pid);
  }

  /** The load of a file into which the server has not looked yet: what is left to do else is its host's. One needs a
   *  single descriptor, which may just have become free; then somebody takes it, and another file is tried. */
  async function refusedLoad(calls: Calls): Promise<Outcome> {
    for (let attempt = 0; ; attempt++) {
      const name = `new-${attempt}.onnx`;
      await writeFile(join(root, name), addConstant(attempt));
      const outcome = await calls.load("other", name);
      if (!outcome.ok || attempt === 50) return outcome;
      await calls.unload("other");
      await sleep(50);
    }
  }

  /** How long `isBack` took to be true. */
  async function recovery(isBack: () => Promise<boolean>): Promise<string> {
    const startMs = performance.now();
    while (!(await isBack())) {
      assert.ok(performance.now() - startMs < 240_000, "no recovery");
      await sleep(20);
    }
    return `${(performance.now() - startMs).toFixed(0)} ms`;
  }

  it("file descriptors: open connections are served, new ones and loads are refused", async (t) => {
    const served = await start(t, withOpenFiles(100));
    const calls = open(t, served);
    assert.equal(codeIn(await calls.load("m", "add1.onnx")), "OK");
    const idleMs = await cpuMsOf(served.pid);
    let closedCount = 0;
    const knocking: Socket[] = [];
    const knock = () => {
      const socket = connect(served.port, "127.0.0.1");
      socket.on("error", () => {}).on("close", () => closedCount++);
      t.after(() => socket.destroy());
      knocking.push(socket);
    };
    for (let count = 0; count < 150; count++) knock();
    // What becomes free meanwhile, when a program that a host needed has ended for example, is taken again.
    const again = setInterval(knock, 10);
    t.after(() => clearInterval(again));
    await waitFor(() => closedCount > 10);
    const loaded = await refusedLoad(calls);
    assert.equal(codeIn(loaded), "Unavailable");
    assert.match(loaded.ok ? "" : loaded.message, /too many open files/);
    for (let round = 0; round < 20; round++) {
      assert.deepEqual(valuesIn(await calls.infer("m")), [2, 3, 4, 5]);
      await sleep(50);
    }
    // What clients make of a connection that is closed at once differs. One may be in time for what became free.
    const refused = async () => codeIn(await open(t, served).infer("m")) !== "OK";
    await waitFor(refused);
    clearInterval(again);
    const usedMs = (await cpuMsOf(served.pid)) - idleMs;
    const refusedCount = closedCount;
    for (const socket of knocking) socket.destroy();
    const fresh = await recovery(async () => codeIn(await open(t, served).infer("m")) === "OK");
    const loads = await recovery(
      async () => codeIn(await calls.load("other", "add1.onnx")) === "OK",
    );
    t.diagnostic(
      `${refusedCount} of ${knocking.length} connections refused; new connections after ${fresh}, loads after ${loads} more; ` +
        `${usedMs} ms of CPU`,
    );
  });

  it("processes: a host that dies is replaced by the spare, loads that need a host are refused", async (t) => {
    const served = await start(t, asNobody);
    const calls = open(t, served);
    assert.equal(codeIn(await calls.load("a", "add1.onnx")), "OK");
    assert.equal(codeIn(await calls.load("b", "add1.onnx")), "OK");
    await recovery(async () => (await hostPids(served)).length === 3);
    limitProcesses(served.pid, 1);
    const pids = await hostPids(served);
    // Two of them hold a model.
    for (const pid of pids.slice(0, 2)) process.kill(pid, "SIGKILL");
    const outcomes = await Promise.all([calls.infer("a"), calls.infer("b")]);
    assert.ok(
      outcomes.some((outcome) => outcome.ok),
      "the spare did not take over",
    );
    const refused = await calls.load("big", "big.onnx");
    assert.equal(codeIn(refused), "Unavailable");
    assert.match(refused.ok ? "" : refused.message, /did not start an engine host: .*EAGAIN/);
    limitProcesses(served.pid, manyProcesses);
    const loads = await recovery(async () => codeIn(await calls.load("big", "big.onnx")) === "OK");
    const back = await recovery(async () => (await hostPids(served)).length === 4);
    assert.deepEqual(valuesIn(await calls.infer("a")), [2, 3, 4, 5]);
    t.diagnostic(`loads after ${loads}, all hosts back after ${back} more`);
  });

  it("disk space for its log: it goes on without, and ends in order", async (t) => {
    const port = await freePort();
    const server = ["src/modelport.js", "serve", "--port", `${port}`, "--root-model-dir", root];
    const command = [process.execPath, ...server];
    // The device takes nothing, as a full disk.
    const child = spawn("sh", ["-c", 'exec "$@" 2>/dev/full', "sh", ...command], {
      cwd: projectRoot,
      stdio: "ignore",
    });
    t.after(() => child.kill("SIGKILL"));
    const calls = open(t, { port });
    const up = await recovery(async () => codeIn(await calls.load("m", "add1.onnx")) === "OK");
    for (let call = 0; call < 100; call++) {
      assert.equal(codeIn(await calls.infer("not here")), "NotFound");
    }
    assert.deepEqual(valuesIn(await calls.infer("m")), [2, 3, 4, 5]);
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
    t.diagnostic(`up after ${up}`);
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
