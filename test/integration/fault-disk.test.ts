import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { type Calls, callsOf, codeIn, valuesIn } from "../support/clients/calls.ts";
import { clientKinds, type Outcome } from "../support/clients/clients.ts";
import { externalData, weights, writeWeightsModel } from "../support/models/layered-models.ts";
import { addConstant } from "../support/models/simple-models.ts";
import { canMeasureTrees, measureTree } from "../support/processes/process-tree.ts";
import { asNobody, canLimit } from "../support/processes/resource-limits.ts";
import { type Served, startServed } from "../support/servers/served.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const diskBytes = 512 * KiB;
const [one, two] = [
  [2, 3, 4, 5],
  [3, 4, 5, 6],
];

/** Whether a disk can be mounted that only the program sees. */
const canMount = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;

describe("a disk", { timeout: 300_000, skip: !canLimit || !canMeasureTrees }, () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "modelport-disk-"));
    await chmod(root, 0o755);
  });
  after(() => rm(root, { recursive: true, force: true }));

  async function start(
    t: TestContext,
    wrapper: readonly string[],
    flags: readonly string[] = [],
  ): Promise<{ served: Served; calls: Calls }> {
    const served = await startServed(["--root-model-dir", root, "--engine-hosts", "1", ...flags], {
      wrapper,
    });
    const client = clientKinds.find(({ name }) => name === "grpc-js")?.open(served);
    assert.ok(client);
    t.after(async () => {
      client.close();
      await served.stop("SIGKILL");
    });
    return { served, calls: callsOf(client) };
  }

  async function assertRuns(calls: Calls, id: string, expected: readonly number[] | undefined) {
    assert.deepEqual(valuesIn(await calls.infer(id)), expected, id);
  }

  it("that fills up while a model is pulled: what is left of it is refused, others load and run", {
    skip: canMount ? false : "disks cannot be mounted here",
  }, async (t) => {
    const disk = join(root, "disk");
    await mkdir(disk);
    const mount = `mount -t tmpfs -o size=${diskBytes} none "$0" && exec "$@"`;
    // Whatever else the program may want to write goes to the same disk.
    const wrapper = [
      ...["unshare", "-rm", "sh", "-c", mount, disk],
      ...["env", `TMPDIR=${disk}`, `NODE_COMPILE_CACHE=${join(disk, "cache")}`],
    ];
    const { served, calls } = await start(t, wrapper, ["--unix-socket", join(disk, "grpc.sock")]);
    const seen = join("/proc", `${served.pid}`, "root", disk);
    await writeFile(join(root, "other.onnx"), addConstant(2));
    await writeWeightsModel(join(root, "big.onnx"), 40 * MiB);
    const file = weights({ bytes: 200 * KiB });
    await writeFile(join(seen, "fill"), Buffer.alloc(diskBytes)).catch(expectFull);
    // As a puller that does not look whether all of it could be written.
    await writeFile(join(seen, "pulled.onnx"), file).catch(expectFull);
    assert.equal(codeIn(await calls.load("pulled", "disk/pulled.onnx")), "InvalidArgument");
    assert.equal(codeIn(await calls.infer("pulled")), "NotFound");
    // In a host of its own, which starts on the full disk.
    for (const name of ["other", "big"]) {
      assert.equal(codeIn(await calls.load(name, `${name}.onnx`)), "OK");
    }
    await assertRuns(calls, "other", two);
    // Hosts may still be writing to the cache.
    const all = { recursive: true, force: true, maxRetries: 20 };
    for (const name of ["fill", "cache"]) await rm(join(seen, name), all);
    await writeFile(join(seen, "pulled.onnx"), file);
    assert.equal(codeIn(await calls.load("pulled", "disk/pulled.onnx")), "OK");
    assert.equal(await served.stop("SIGTERM"), 0);
  });

  it("whose files may not be read: they are refused by name, and what is loaded serves on", async (t) => {
    await writeFile(join(root, "a.onnx"), addConstant(1));
    await writeFile(join(root, "b.onnx"), addConstant(2));
    await externalData(join(root, "external"));
    const { calls } = await start(t, asNobody);
    for (const id of ["a", "b"]) assert.equal(codeIn(await calls.load(id, `${id}.onnx`)), "OK");
    for (const file of ["a.onnx", "external/model.bin"]) await chmod(join(root, file), 0);
    for (const [id, path, file] of [
      ["a2", "a.onnx", /a\.onnx .*access denied/],
      ["external", "external", /model\.bin .*access denied/],
    ] as const) {
      const refused = await calls.load(id, path);
      assert.equal(codeIn(refused), "FailedPrecondition");
      assert.match(reasonOf(refused), file);
    }
    await assertRuns(calls, "a", one);
    await assertRuns(calls, "b", two);
  });

  it("whose files may not be read when their host dies: that model says so, the others come back", async (t) => {
    await writeFile(join(root, "a.onnx"), addConstant(1));
    await chmod(join(root, "a.onnx"), 0o644);
    await writeFile(join(root, "b.onnx"), addConstant(2));
    const { served, calls } = await start(t, asNobody);
    for (const id of ["a", "b"]) assert.equal(codeIn(await calls.load(id, `${id}.onnx`)), "OK");
    await chmod(join(root, "a.onnx"), 0);
    const { pids } = await measureTree(served.pid);
    for (const pid of pids) if (pid !== served.pid) process.kill(pid, "SIGKILL");
    const lost = await calls.infer("a");
    // Those who come later hear NOT_FOUND, on which ModelMesh loads it again, here or elsewhere.
    assert.match(codeIn(lost), /^(Internal|NotFound)$/, reasonOf(lost));
    assert.equal(codeIn(await calls.infer("a")), "NotFound");
    await assertRuns(calls, "b", two);
    await chmod(join(root, "a.onnx"), 0o644);
    assert.equal(codeIn(await calls.load("a", "a.onnx")), "OK");
    await assertRuns(calls, "a", one);
    t.diagnostic(`${codeIn(lost)}: ${reasonOf(lost)}`);
  });
});

function expectFull(error: NodeJS.ErrnoException): void {
  assert.equal(error.code, "ENOSPC");
}

function reasonOf(outcome: Outcome): string {
  return outcome.ok ? "" : outcome.message;
}
