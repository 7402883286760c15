import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { RepositoryScanner } from "../../../../src/storage/polling/repository-scanner.ts";

async function setUp(t: TestContext, program?: string) {
  const root = await mkdtemp(join(tmpdir(), "modelport-scanner-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  const entry = program === undefined ? undefined : new URL(`data:text/javascript,${program}`);
  const scanner = new RepositoryScanner(root, entry);
  t.after(() => scanner.close());
  return { root, scanner };
}

describe("the thread that looks at a repository", () => {
  it("looks each time it is asked, and once for all that ask meanwhile", async (t) => {
    const { root, scanner } = await setUp(t);
    const [first, same] = await Promise.all([scanner.scan(), scanner.scan()]);
    assert.equal(first, same);
    assert.equal(first.entryCount, 0);
    await writeFile(join(root, "m.onnx"), "m");
    const next = await scanner.scan();
    assert.notEqual(next.digest, first.digest);
    assert.equal(next.entryCount, 1);
  });

  it("reports a directory that cannot be read, and looks again", async (t) => {
    const { root, scanner } = await setUp(t);
    await rm(root, { recursive: true });
    const refusal = { kind: "failed-precondition", message: /does not exist$/ };
    await assert.rejects(scanner.scan(), refusal);
    await assert.rejects(scanner.scan(), refusal);
  });

  it("may hang in a disk without anyone waiting for it but its caller", async (t) => {
    const hangs =
      "import { parentPort } from 'node:worker_threads';" +
      "parentPort.on('message', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));";
    const { scanner } = await setUp(t, encodeURIComponent(hangs));
    const look = scanner.scan();
    assert.equal(await Promise.race([look, setImmediate("others go on")]), "others go on");
    scanner.close();
    await assert.rejects(look, { kind: "shutting-down" });
    await assert.rejects(scanner.scan(), { kind: "shutting-down" });
  });

  it("is replaced where it breaks", async (t) => {
    const { scanner } = await setUp(t, encodeURIComponent("throw new Error('no memory')"));
    const broken = { kind: "temporarily-unavailable", message: /broke: .*no memory/ };
    await assert.rejects(scanner.scan(), broken);
    await assert.rejects(scanner.scan(), broken);
  });
});
