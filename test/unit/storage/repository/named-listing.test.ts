import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { listNamedModels } from "../../../../src/storage/repository/named-listing.ts";

const kinds = [{ extensions: [".onnx"] }];

async function setUp(t: TestContext, files: readonly string[]) {
  const root = await mkdtemp(join(tmpdir(), "modelport-named-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  for (const file of files) {
    await mkdir(join(root, file, ".."), { recursive: true });
    await writeFile(join(root, file), file);
  }
  /** "name/version path" of all models, and "name: reason" of those that cannot be read. */
  const shown = async (pairs: Readonly<Record<string, string>>, repository?: string) => {
    const named = Object.entries(pairs).map(([name, path]) => ({
      name,
      path: path.includes("://") ? path : join(root, path),
    }));
    const directory = repository && join(root, repository);
    const { models, doubles } = await listNamedModels({ named, directory }, kinds);
    const lines = models.flatMap(({ id, versions, refusal }) =>
      refusal === undefined
        ? versions.map(({ version, path }) => `${id}/${version} ${path.replace(`${root}/`, "")}`)
        : [`${id}: ${refusal.message.replaceAll(root, "DIR")}`],
    );
    return { lines, doubles: doubles.map(({ id }) => id) };
  };
  return { root, shown };
}

describe("named models", () => {
  it("may be files, folders, folders of versions, and places in a store", async (t) => {
    const { shown } = await setUp(t, ["x.onnx", "a/deep/y.onnx", "b/1/m.onnx", "b/3/m.onnx"]);
    const { lines } = await shown({ d: "b", c: "a", b: "x.onnx", a: "s3://bucket/a" });
    assert.deepEqual(lines, ["a/ s3://bucket/a", "b/ x.onnx", "c/ a", "d/1 b/1", "d/3 b/3"]);
  });

  it("are listed with the reason if they cannot be read", async (t) => {
    const { shown } = await setUp(t, ["a/read.me", "x.bin"]);
    const { lines } = await shown({ a: "a", b: "x.bin", c: "none" });
    assert.match(lines[0] ?? "", /^a: DIR\/a has no \.onnx file; seen: read\.me/);
    assert.match(lines[1] ?? "", /^b: DIR\/x\.bin is not a model: expected a file with .*\.onnx/);
    assert.match(lines[2] ?? "", /^c: DIR\/none does not exist/);
  });

  it("go before those of a repository", async (t) => {
    const { shown } = await setUp(t, ["all/a.onnx", "all/b.onnx", "mine/x.onnx"]);
    assert.deepEqual(await shown({ a: "mine" }, "all"), {
      lines: ["a/ mine", "b/ all/b.onnx"],
      doubles: ["a"],
    });
  });

  it("change with their files, and with the weights and settings beside them", async (t) => {
    const { root } = await setUp(t, ["m/x.onnx", "m/weights.bin", "other/y.onnx"]);
    const named = [{ name: "x", path: join(root, "m/x.onnx") }];
    const fingerprint = async () => {
      const { models } = await listNamedModels({ named, directory: undefined }, kinds);
      return await models[0]?.versions[0]?.fingerprint();
    };
    const first = await fingerprint();
    await writeFile(join(root, "other/y.onnx"), "changed");
    assert.equal(await fingerprint(), first);
    await writeFile(join(root, "m/weights.bin"), "changed");
    assert.notEqual(await fingerprint(), first);
  });
});
