import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ProcessFolder } from "../../../src/storage/process-folder.ts";

describe("the folder of a process", () => {
  let parent: string;
  before(async () => {
    parent = join(await mkdtemp(join(tmpdir(), "modelport-folder-")), "pulled");
  });
  after(() => rm(join(parent, ".."), { recursive: true, force: true }));

  it("is made when it is needed, empty, and outlives the cleaning of others", async () => {
    const folder = new ProcessFolder(parent);
    await folder.removeOthers();
    const path = await folder.path();
    assert.equal(await folder.path(), path);
    await writeFile(join(path, "file"), "x");
    // A process that ended, one of the same number from before, and what is not ours.
    const dead = ["process-4194305-1", `process-${process.pid}-1`];
    for (const name of [...dead, "models"]) await mkdir(join(parent, name));
    await new ProcessFolder(parent).removeOthers();
    assert.deepEqual((await readdir(parent)).sort(), ["models", basename(path)].sort());
    assert.deepEqual(await readdir(path), ["file"]);
    await folder.remove();
    assert.deepEqual(await readdir(parent), ["models"]);
  });
});
