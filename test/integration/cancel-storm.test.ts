import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Calls, callsOf, codeIn, valuesIn } from "../support/clients/calls.ts";
import { type Client, clientKinds } from "../support/clients/clients.ts";
import { writeWeightsModel } from "../support/models/layered-models.ts";
import { addOne } from "../support/models/simple-models.ts";
import {
  canMeasureTrees,
  measureTree,
  type TreeMemory,
} from "../support/processes/process-tree.ts";
import { capacityFlags } from "../support/servers/capacity-flags.ts";
import { startRuntime } from "../support/servers/runtime.ts";
import { type Served, startServed } from "../support/servers/served.ts";

const MiB = 1024 * 1024;
/** Of each storm. */
const rounds = Number(process.env["MODELPORT_STORM_ROUNDS"] || 60);

/** Loads "m", cancels at a random moment, unloads, and loads and runs another model under the same id.
 *  Even rounds load into a shared host, odd ones into a dedicated one. Returns what became of the load. */
interface Storm {
  readonly path: string;
  /** What the load takes if nobody cancels it. */
  readonly loadMs: number;
}

async function measureLoad(calls: Calls, path: string): Promise<Storm> {
  const startMs = performance.now();
  assert.equal(codeIn(await calls.load("m", path)), "OK");
  const loadMs = performance.now() - startMs;
  assert.equal(codeIn(await calls.unload("m")), "OK");
  return { path, loadMs };
}

/** For the rounds in turn: a load into a shared host, and one into a host of its own. */
async function measureLoads(calls: Calls): Promise<(round: number) => Storm> {
  const shared = await measureLoad(calls, "shared.onnx");
  const dedicated = await measureLoad(calls, "dedicated.onnx");
  return (round) => (round % 2 === 0 ? shared : dedicated);
}

async function storm(calls: Calls, { path, loadMs }: Storm): Promise<string> {
  const caller = new AbortController();
  const cancelled = calls.load("m", path, { signal: caller.signal });
  // From before the load has begun to after it is through.
  await sleep(Math.random() * 2 * loadMs);
  caller.abort();
  const code = codeIn(await cancelled);
  const unload = calls.unload("m");
  const reload = calls.load("m", "add1.onnx");
  assert.equal(codeIn(await unload), "OK");
  assert.equal(codeIn(await reload), "OK");
  assert.deepEqual(valuesIn(await calls.infer("m")), [2, 3, 4, 5]);
  assert.equal(codeIn(await calls.unload("m")), "OK");
  assert.equal(codeIn(await calls.size("m")), "NotFound");
  return code;
}

async function writeModels(root: string): Promise<void> {
  await writeWeightsModel(join(root, "shared.onnx"), 8 * MiB);
  await writeWeightsModel(join(root, "dedicated.onnx"), 40 * MiB);
  await writeFile(join(root, "add1.onnx"), addOne());
}

function openGrpc(port: number): Client {
  const kind = clientKinds.find(({ name }) => name === "grpc-js");
  assert.ok(kind);
  return kind.open({ port });
}

describe("load, cancel, unload and reload of one id", () => {
  it("keeps the books: no model, lease, reservation or host is left after any round", async (t) => {
    const runtime = await startRuntime();
    const client = openGrpc(runtime.port);
    const outcomes = new Map<string, number>();
    try {
      await writeModels(runtime.root);
      await runtime.engine.ready;
      const calls = callsOf(client);
      const stormOf = await measureLoads(calls);
      for (let round = 0; round < rounds; round++) {
        const code = await storm(calls, stormOf(round));
        outcomes.set(code, (outcomes.get(code) ?? 0) + 1);
        assert.deepEqual(runtime.models.modelIds, []);
        assert.equal(runtime.models.usedBytes, 0);
        assert.equal(runtime.models.leaseCount, 0);
        const hosts = runtime.engine.hosts();
        assert.deepEqual(
          hosts.filter(({ kind, models }) => kind === "dedicated" || models > 0),
          [],
        );
      }
    } finally {
      client.close();
      await runtime.close();
    }
    t.diagnostic(`what became of the cancelled loads: ${JSON.stringify([...outcomes])}`);
    assert.deepEqual([...outcomes.keys()].sort(), ["Canceled", "OK"]);
  });
});

describe("the memory of the process tree", { skip: !canMeasureTrees }, () => {
  const hostCount = 2;
  // The one big model fits only if nothing at all is reserved.
  const capacityBytes = 100 * MiB;
  let root: string;
  let served: Served | undefined;
  let client: Client | undefined;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "modelport-storm-"));
    await writeModels(root);
    const flags = [
      ...["--root-model-dir", root, "--engine-hosts", String(hostCount)],
      ...capacityFlags(capacityBytes),
    ];
    // V8 lets its young generation grow to a limit of its own within the first minutes, and keeps it.
    // A small limit is reached during the warm-up, so that what grows later is a leak.
    served = await startServed(flags, { nodeFlags: ["--max-semi-space-size=2"] });
    client = openGrpc(served.port);
  });
  after(async () => {
    client?.close();
    await served?.stop();
    await rm(root, { recursive: true, force: true });
  });

  /** With nothing loaded, and the server, its shared hosts and the spare at rest. */
  async function atRest(): Promise<TreeMemory> {
    let tree: TreeMemory;
    do {
      // A fresh spare is still growing while it starts.
      await sleep(500);
      tree = await measureTree(served?.pid ?? 0);
    } while (tree.pids.length !== 1 + hostCount + 1);
    return tree;
  }

  it("is the same after all rounds as before, within 5 %", async (t) => {
    assert.ok(client);
    const calls = callsOf(client);
    await Promise.all(
      Array.from({ length: 8 }, async (_, id) => {
        for (let round = 0; round < 400; round++) {
          await calls.load(`warm-${id}`, "add1.onnx");
          await calls.infer(`warm-${id}`);
          await calls.unload(`warm-${id}`);
        }
      }),
    );
    const stormOf = await measureLoads(calls);
    for (let round = 0; round < 20; round++) await storm(calls, stormOf(round));
    const before = await atRest();
    for (let round = 0; round < rounds; round++) {
      assert.match(await storm(calls, stormOf(round)), /^(OK|Canceled)$/);
    }
    const after = await atRest();
    const growth = after.privateBytes / before.privateBytes - 1;
    t.diagnostic(
      `${(before.privateBytes / MiB).toFixed(1)} MiB before, ` +
        `${(after.privateBytes / MiB).toFixed(1)} MiB after (${(100 * growth).toFixed(1)} %)`,
    );
    assert.ok(growth < 0.05, `the process tree grew by ${100 * growth} %`);
    assert.equal(codeIn(await calls.load("m", "dedicated.onnx")), "OK", "nothing stays reserved");
    await calls.unload("m");
  });
});
