import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { scanRepository } from "../../../../src/storage/polling/scan-repository.ts";

async function setUp(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), "modelport-scan-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  const put = async (name: string, text: string) => {
    await mkdir(join(root, name, ".."), { recursive: true });
    await writeFile(join(root, name), text);
  };
  await put("m/1/model.onnx", "one");
  await put("flat.onnx", "flat");
  return { root, put };
}

describe("a look at a repository", () => {
  it("is the same as long as nothing changes", async (t) => {
    const { root } = await setUp(t);
    const first = scanRepository(root);
    assert.deepEqual(scanRepository(root), first);
    assert.equal(first.entryCount, 2);
  });

  for (const [what, change] of [
    ["a new version", ({ put }) => put("m/2/model.onnx", "two")],
    ["a new file beside a model", ({ put }) => put("m/1/model.onnx.data", "w")],
    ["a file that was written to", ({ put }) => put("flat.onnx", "flatter")],
    ["a version that is gone", ({ root }) => rm(join(root, "m/1"), { recursive: true })],
    ["an empty folder", ({ root }) => mkdir(join(root, "m/7"))],
    [
      "a file of the same size and time that took another's place",
      async ({ root, put }) => {
        const time = new Date(1_700_000_000_000);
        await utimes(join(root, "flat.onnx"), time, time);
        const before = scanRepository(root).digest;
        await put("_new", "talf");
        await utimes(join(root, "_new"), time, time);
        await rename(join(root, "_new"), join(root, "flat.onnx"));
        assert.notEqual(scanRepository(root).digest, before);
      },
    ],
  ] as readonly [string, (world: Awaited<ReturnType<typeof setUp>>) => Promise<unknown>][]) {
    it(`differs for ${what}`, async (t) => {
      const world = await setUp(t);
      const before = scanRepository(world.root).digest;
      await change(world);
      assert.notEqual(scanRepository(world.root).digest, before);
    });
  }

  it("sees all files change at once where links are swapped, as in ConfigMaps and git-sync", async (t) => {
    const { root, put } = await setUp(t);
    await put("..a/c.onnx", "same");
    await put("..b/c.onnx", "same");
    await symlink("..a", join(root, "..data"));
    await symlink("..data/c.onnx", join(root, "c.onnx"));
    const before = scanRepository(root);
    await put("..unused/c.onnx", "not linked");
    assert.deepEqual(scanRepository(root), before, "what nothing links to is nobody's");
    await symlink("..b", join(root, "..next"));
    await rename(join(root, "..next"), join(root, "..data"));
    assert.notEqual(scanRepository(root).digest, before.digest);
  });

  it("ends at links that lead back, and passes over those that lead nowhere", async (t) => {
    const { root } = await setUp(t);
    await symlink(root, join(root, "m/loop"));
    await symlink("nowhere", join(root, "broken"));
    const before = scanRepository(root).digest;
    await writeFile(join(root, "nowhere"), "somewhere");
    assert.notEqual(scanRepository(root).digest, before);
  });

  it("throws where the directory itself is gone", async (t) => {
    const { root } = await setUp(t);
    await rm(root, { recursive: true });
    const message = `model repository '${root}' does not exist`;
    assert.throws(() => scanRepository(root), { kind: "failed-precondition", message });
  });
});
