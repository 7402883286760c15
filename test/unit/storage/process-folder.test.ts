import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { ProcessFolder } from "../../../src/storage/process-folder.ts";

async function makeParent(t: TestContext): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), "modelport-folder-"));
  t.after(() => rm(parent, { recursive: true, force: true }));
  return parent;
}

/** Another process with a folder of its own, in its own PID namespace if `isContained`. Resolves with the folder's name
 *  and what ends the process. */
async function startOther(parent: string, isContained: boolean) {
  const module = new URL("../../../src/storage/process-folder.ts", import.meta.url);
  const script = `
    const { ProcessFolder } = await import(${JSON.stringify(module.href)});
    const path = await new ProcessFolder(${JSON.stringify(parent)}).path();
    console.log(path);
    setInterval(() => {}, 1e6);`;
  const node = [process.execPath, "--input-type=module", "--eval", script];
  const args = isContained
    ? ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", ...node]
    : node;
  const child = spawn(args[0] ?? "", args.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await Promise.race([
    once(child.stdout, "data"),
    once(child, "exit").then(() => ["none"]),
  ]);
  const end = async () => {
    // The process in the namespace has the pipe, too, and ends with its parent, a moment later.
    const closed = once(child, "close");
    child.kill("SIGKILL");
    await closed;
  };
  return { name: basename(String(line).trim()), end };
}

/** Changes what the sign of a folder says of its owner. */
async function edit(parent: string, name: string, change: object, ageMs = 0): Promise<void> {
  const path = join(parent, `${name}.lock`);
  const mark = JSON.parse(await readFile(path, "utf8")) as object;
  await writeFile(path, JSON.stringify({ ...mark, ...change }));
  const then = (Date.now() - ageMs) / 1000;
  await utimes(path, then, then);
}

const minuteMs = 60_000;

describe("the folder of a process", () => {
  it("is made when it is needed, empty, and outlives the cleaning of others", async (t) => {
    const parent = join(await makeParent(t), "deeper", "pulled");
    const folder = new ProcessFolder(parent);
    await folder.removeOthers();
    const path = await folder.path();
    assert.equal(await folder.path(), path);
    await writeFile(join(path, "file"), "x");
    await mkdir(join(parent, "models"));
    const other = new ProcessFolder(parent);
    await other.removeOthers();
    await folder.removeOthers();
    assert.deepEqual(await readdir(path), ["file"]);
    await folder.remove();
    await other.remove();
    assert.deepEqual(await readdir(parent), ["models"]);
  });

  it("may lie deeper than paths of sockets may be long", async (t) => {
    const parent = join(await makeParent(t), "x".repeat(150));
    const folder = new ProcessFolder(parent);
    const name = basename(await folder.path());
    assert.deepEqual((await readdir(parent)).sort(), [name, `${name}.lock`, `${name}.sock`]);
    await folder.remove();
    assert.deepEqual(await readdir(parent), []);
  });

  const places = [
    ["in the same container", false],
    ["in another container of the machine", true],
  ] as const;
  for (const [place, isContained] of places) {
    it(`is left alone while its process lives ${place}, and is removed when it was killed`, async (t) => {
      const parent = await makeParent(t);
      const other = await startOther(parent, isContained);
      if (isContained && other.name === "none") return t.skip("no namespace may be made here");
      const here = new ProcessFolder(parent);
      try {
        // However old its sign is: the process is there to be asked.
        await edit(parent, other.name, {}, 60 * minuteMs);
        await here.removeOthers();
        assert.equal((await readdir(parent)).includes(other.name), true);
      } finally {
        await other.end();
      }
      await here.removeOthers();
      await here.remove();
      assert.deepEqual(await readdir(parent), []);
    });
  }

  it("of another machine is told by its sign: it is left alone until that is ten minutes old", async (t) => {
    const parent = await makeParent(t);
    const other = await startOther(parent, false);
    await other.end();
    const here = new ProcessFolder(parent);
    const elsewhere = { bootId: "another", host: "another" };
    await edit(parent, other.name, elsewhere, 9 * minuteMs);
    await here.removeOthers();
    assert.equal((await readdir(parent)).includes(other.name), true);
    await edit(parent, other.name, elsewhere, 11 * minuteMs);
    await here.removeOthers();
    await here.remove();
    assert.deepEqual(await readdir(parent), []);
  });

  it("is not given up for a refused knock through another view of the disk", async (t) => {
    const parent = await makeParent(t);
    const other = await startOther(parent, false);
    await other.end();
    const here = new ProcessFolder(parent);
    await edit(parent, other.name, { pidNamespace: "pid:[1]", device: "another" });
    await here.removeOthers();
    await here.remove();
    assert.equal((await readdir(parent)).includes(other.name), true);
  });

  it("with a sign that cannot be read is left alone until that is ten minutes old", async (t) => {
    const parent = await makeParent(t);
    for (const [name, ageMs] of [
      ["process-a-1", 9 * minuteMs],
      ["process-a-2", 11 * minuteMs],
    ] as const) {
      await mkdir(join(parent, name));
      await writeFile(join(parent, `${name}.lock`), '{"host": "a');
      const then = (Date.now() - ageMs) / 1000;
      await utimes(join(parent, `${name}.lock`), then, then);
    }
    const here = new ProcessFolder(parent);
    await here.removeOthers();
    await here.remove();
    assert.deepEqual((await readdir(parent)).sort(), ["process-a-1", "process-a-1.lock"]);
  });

  it("beats: the sign is written anew every half minute, by the clock of the disk", async (t) => {
    const parent = await makeParent(t);
    t.mock.timers.enable({ apis: ["setInterval"] });
    const folder = new ProcessFolder(parent);
    const sign = `${await folder.path()}.lock`;
    const text = await readFile(sign, "utf8");
    await utimes(sign, 1, 1);
    t.mock.timers.tick(30_000);
    while ((await stat(sign)).mtimeMs === 1000) await setImmediate();
    assert.ok(Math.abs((await stat(sign)).mtimeMs - Date.now()) < minuteMs);
    assert.equal(await readFile(sign, "utf8"), text);
    await folder.remove();
  });

  it("without a sign, as versions before made them, is removed after a day without a change", async (t) => {
    const parent = await makeParent(t);
    for (const name of ["process-7-1", "process-7-2"]) await mkdir(join(parent, name));
    const then = Date.now() / 1000 - 90_000;
    await utimes(join(parent, "process-7-2"), then, then);
    const here = new ProcessFolder(parent);
    await here.removeOthers();
    await here.remove();
    assert.deepEqual(await readdir(parent), ["process-7-1"]);
  });

  it("cannot be made where nobody may write", async (t) => {
    const parent = await makeParent(t);
    await writeFile(join(parent, "file"), "");
    await assert.rejects(new ProcessFolder(join(parent, "file")).path(), { code: "EEXIST" });
  });
});
