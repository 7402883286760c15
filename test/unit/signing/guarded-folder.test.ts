import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { GuardedFolder } from "../../../src/signing/guarded-folder.ts";
import { ProcessFolder } from "../../../src/storage/process-folder.ts";

describe("the folder for what is made of verified models", () => {
  let parent = "";
  let guarded: GuardedFolder;
  beforeEach(async () => {
    parent = join(await mkdtemp(join(tmpdir(), "modelport-guarded-")), "verified");
    guarded = new GuardedFolder(new ProcessFolder(parent));
  });
  afterEach(async () => {
    await guarded.remove();
    await rm(dirname(parent), { recursive: true, force: true });
  });

  it("is in its directory, which is this user's alone", async () => {
    assert.equal(dirname(await guarded.path()), parent);
    assert.equal((await stat(parent)).mode & 0o777, 0o700);
    assert.equal(await guarded.path(), await guarded.path());
  });

  it("is elsewhere if others may write to that directory, and is removed there", async () => {
    await mkdir(parent);
    await chmod(parent, 0o777);
    const path = await guarded.path();
    assert.notEqual(dirname(path), parent);
    assert.equal((await stat(path)).mode & 0o777, 0o700);
    await guarded.remove();
    await assert.rejects(stat(path), { code: "ENOENT" });
  });
});
