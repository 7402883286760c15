import assert from "node:assert/strict";
import { link, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { PrivateFolder } from "../../../../src/engine/translation/private-folder.ts";
import { linkEntry } from "../../../../src/engine/translation/translation-files.ts";
import { TranslationStore } from "../../../../src/engine/translation/translation-store.ts";

const keyOf = (digit: string) => digit.repeat(64);

interface Fixture {
  readonly directory: string;
  /** A runtime that shares the directory. */
  runtime(limitBytes?: number): TranslationStore;
}

async function fixture(t: TestContext): Promise<Fixture> {
  const directory = await mkdtemp(join(tmpdir(), "modelport-store-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return {
    directory,
    runtime: (limitBytes = 1_000) =>
      new TranslationStore({ directory, limitBytes, own: new PrivateFolder(directory) }),
  };
}

/** Makes an entry as a load does, and drops the load's own link. */
async function add(store: TranslationStore, key: string, content: string): Promise<void> {
  const path = await store.place();
  await writeFile(path, content);
  await store.keep(key, path);
  await store.remove(path);
}

/** An own link to the entry, as a load makes it. */
async function take(store: TranslationStore, key: string): Promise<string | undefined> {
  const place = await store.linkOf(key);
  return place !== undefined && linkEntry(place) ? place.path : undefined;
}

async function entriesIn(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  return names.filter((name) => name.endsWith(".onnx")).map((name) => name.slice(0, 1));
}

describe("a store of translated files", () => {
  it("gives a file to every runtime that shares the directory", async (t) => {
    const { runtime } = await fixture(t);
    await add(runtime(), keyOf("a"), "content");
    const other = runtime();
    const path = (await take(other, keyOf("a"))) ?? assert.fail("no entry");
    assert.equal(await readFile(path, "utf8"), "content");
    assert.equal(await take(other, keyOf("b")), undefined);
  });

  it("replaces an entry at once, and leaves what was taken of the former one", async (t) => {
    const { runtime } = await fixture(t);
    const store = runtime();
    await add(store, keyOf("a"), "old");
    const old = (await take(store, keyOf("a"))) ?? assert.fail("no entry");
    await add(store, keyOf("a"), "new");
    assert.equal(await readFile(old, "utf8"), "old");
    const now = (await take(store, keyOf("a"))) ?? assert.fail("no entry");
    assert.equal(await readFile(now, "utf8"), "new");
  });

  it("removes what was unused for the longest time when it is full", async (t) => {
    const { directory, runtime } = await fixture(t);
    const store = runtime(100);
    for (const digit of ["a", "b", "c"]) await add(store, keyOf(digit), digit.repeat(30));
    const used = (await take(store, keyOf("a"))) ?? assert.fail("no entry");
    await store.remove(used);
    await add(store, keyOf("d"), "d".repeat(30));
    assert.deepEqual(await entriesIn(directory), ["a", "c", "d"]);
  });

  it("looks at all entries only when there may be too many", async (t) => {
    const { directory, runtime } = await fixture(t);
    const store = runtime(1_000);
    await add(store, keyOf("a"), "a".repeat(10));
    // Another runtime's entry, which would be too much.
    await writeFile(join(directory, `${keyOf("b")}.onnx`), "b".repeat(2_000));
    await add(store, keyOf("c"), "c".repeat(200));
    assert.deepEqual((await entriesIn(directory)).sort(), ["a", "b", "c"]);
    await add(store, keyOf("d"), "d".repeat(200));
    assert.deepEqual((await entriesIn(directory)).sort(), ["c", "d"]);
  });

  it("never removes what any runtime uses, until it is no longer used", async (t) => {
    const { directory, runtime } = await fixture(t);
    const [store, other] = [runtime(100), runtime(100)];
    await add(store, keyOf("a"), "a".repeat(60));
    const used = (await take(other, keyOf("a"))) ?? assert.fail("no entry");
    await add(store, keyOf("b"), "b".repeat(60));
    assert.deepEqual(await entriesIn(directory), ["a"]);
    assert.equal((await readFile(used, "utf8")).length, 60);
    await other.remove(used);
    await add(store, keyOf("c"), "c".repeat(60));
    assert.deepEqual(await entriesIn(directory), ["c"]);
  });

  it("keeps nothing that alone is larger than all may be", async (t) => {
    const { directory, runtime } = await fixture(t);
    const store = runtime(10);
    await add(store, keyOf("a"), "a".repeat(9));
    await add(store, keyOf("b"), "b".repeat(11));
    assert.deepEqual(await entriesIn(directory), ["a"]);
    await add(runtime(0), keyOf("c"), "c");
    assert.deepEqual(await entriesIn(directory), ["a"]);
  });

  it("leaves alone what it has not made", async (t) => {
    const { directory, runtime } = await fixture(t);
    await writeFile(join(directory, "notes.onnx"), "x".repeat(5_000));
    await mkdir(join(directory, "folder"));
    await add(runtime(100), keyOf("a"), "a");
    assert.deepEqual((await entriesIn(directory)).sort(), ["a", "n"]);
    assert.equal((await stat(join(directory, "folder"))).isDirectory(), true);
  });

  it("is empty, and refuses files, where there is no directory", async () => {
    const directory = "/nowhere/translated";
    const store = new TranslationStore({
      directory,
      limitBytes: 100,
      own: new PrivateFolder(directory),
    });
    assert.equal(await take(store, keyOf("a")), undefined);
    await assert.rejects(store.place(), { code: "ENOENT" });
    await store.shrinkTo(0);
    await store.drop(keyOf("a"));
    await store.close();
  });

  it("removes its own folder when it is closed, and no entry", async (t) => {
    const { directory, runtime } = await fixture(t);
    const store = runtime();
    await add(store, keyOf("a"), "a");
    assert.ok(await take(store, keyOf("a")));
    await store.close();
    assert.deepEqual(await readdir(directory), [`${keyOf("a")}.onnx`]);
  });

  it("has its entries in the own folder if there is no other directory", async (t) => {
    const { directory } = await fixture(t);
    const own = new PrivateFolder(directory);
    const store = new TranslationStore({ limitBytes: 100, own });
    await add(store, keyOf("a"), "a");
    assert.ok(await take(store, keyOf("a")));
    await link(join(await own.path(), `${keyOf("a")}.onnx`), join(directory, "beside"));
    await store.close();
    assert.deepEqual(await readdir(directory), ["beside"]);
  });
});
