import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { link, mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { HeldFiles } from "../../../../../src/engine/onnx/external/held-files.ts";

interface Fixture {
  readonly held: HeldFiles;
  readonly root: string;
  readonly file: string;
  /** Outside of the root. */
  readonly secret: string;
}

async function fixture(t: TestContext, hasNames: boolean): Promise<Fixture> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "modelport-held-")));
  const root = join(directory, "root");
  await mkdir(root);
  const file = join(root, "w.bin");
  const secret = join(directory, "secret");
  await writeFile(file, "own");
  await writeFile(secret, "not yours");
  const held = new HeldFiles([root], hasNames);
  t.after(async () => {
    held.close();
    await rm(directory, { recursive: true });
  });
  return { held, root, file, secret };
}

/** Leaves a link to `target` in the place of `file`. */
async function swap(file: string, target: string): Promise<void> {
  await rename(file, `${file}.own`);
  await symlink(target, file);
}

const replaced = { kind: "load-failed", message: /w\.bin was replaced while the model was loaded/ };

describe("files that are held for an engine", () => {
  const isLinux = process.platform === "linux";
  for (const hasNames of isLinux ? [true, false] : [false]) {
    const where = hasNames ? "by their descriptors" : "by their paths";

    it(`are none outside of the roots, however they are reached, ${where}`, async (t) => {
      const { held, root, file, secret } = await fixture(t, hasNames);
      await swap(file, secret);
      await symlink(join(root, ".."), join(root, "up"));
      for (const path of [file, join(root, "up/secret"), secret]) {
        assert.throws(() => held.hold(path), {
          kind: "invalid-argument",
          message: /leads out of the model directories/,
        });
      }
      await symlink(`${file}.own`, join(root, "in"));
      assert.equal(readFileSync(held.hold(join(root, "in")), "latin1"), "own");
    });

    it(`are none that are gone, or no regular files, ${where}`, async (t) => {
      const { held, root } = await fixture(t, hasNames);
      assert.throws(() => held.hold(join(root, "nowhere")), { kind: "load-failed" });
      assert.throws(() => held.hold(root), {
        kind: "invalid-argument",
        message: /is a directory, expected a regular file/,
      });
    });

    it(`are opened once, and all closed, ${where}`, async (t) => {
      const { held, file } = await fixture(t, hasNames);
      const open = () => readdirSync(isLinux ? "/proc/self/fd" : "/dev/fd").length;
      const before = open();
      assert.equal(held.hold(file), held.hold(file));
      assert.equal(open(), before + 1);
      assert.throws(() => held.hold(join(file, "..", "..", "secret")));
      held.close();
      assert.equal(open(), before);
    });
  }

  it("are what was looked at, whatever a path leads to since then", {
    skip: !isLinux && "only Linux has names of descriptors",
  }, async (t) => {
    const { held, file, secret } = await fixture(t, true);
    const name = held.hold(file);
    await swap(file, secret);
    assert.equal(readFileSync(file, "latin1"), "not yours");
    assert.equal(readFileSync(name, "latin1"), "own");
    held.confirm();
    assert.equal(
      held.readable(`open ${name} failed, /${name}: no`),
      `open ${file} failed, ${file}: no`,
    );
  });

  it("are refused after the load where a path leads elsewhere", async (t) => {
    for (const how of ["a link", "another file", "a link to itself", "nothing"]) {
      const { held, file, secret } = await fixture(t, false);
      assert.equal(held.hold(file), file);
      held.confirm();
      if (how === "a link") await swap(file, secret);
      else if (how === "a link to itself") await swap(file, `${file}.own`);
      else {
        await rename(file, `${file}.own`);
        if (how === "another file") await link(secret, file);
      }
      assert.throws(() => held.confirm(), replaced, how);
    }
  });

  it("say why a load failed where one was removed meanwhile", async (t) => {
    for (const hasNames of isLinux ? [true, false] : [false]) {
      const { held, file } = await fixture(t, hasNames);
      held.hold(file);
      held.explain();
      await rm(file);
      assert.throws(() => held.explain(), replaced);
    }
  });
});
