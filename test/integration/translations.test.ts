import assert from "node:assert/strict";
import { readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { RuntimeError } from "../../src/base/errors.ts";
import { PrivateFolder } from "../../src/engine/translation/private-folder.ts";
import type { TranslationMemory } from "../../src/engine/translation/translation-memory.ts";
import { TranslationStore } from "../../src/engine/translation/translation-store.ts";
import { isRunning, until } from "../support/servers/engine-fixture.ts";
import { translationsFixture } from "../support/translators/translations-fixture.ts";

async function entriesIn(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => /^[0-9a-f]{64}\.onnx$/.test(name));
}

/** Files in folders of processes. */
async function linksIn(directory: string): Promise<number> {
  const names = await readdir(directory, { recursive: true });
  return names.filter((name) => /\/\d+\.onnx$/.test(name)).length;
}

describe("translations", () => {
  it("are made once for a content, and kept for later loads, other files and other runtimes", async (t) => {
    const { runtime, put, get, translated, directory } = await translationsFixture(t);
    const [a, b] = [await put("a.test", "add 1"), await put("b.test", "add 1")];
    const here = runtime();
    const first = await get(here, a);
    assert.match(first.file, /\/\d+\.onnx$/);
    assert.equal((await get(here, b)).file, first.file);
    assert.notEqual((await get(runtime(), a)).file, first.file);
    assert.deepEqual(translated, [a]);
    await get(here, await put("a.test", "add 2"));
    assert.deepEqual(translated, [a, a]);
    assert.equal((await entriesIn(directory)).length, 2);
  });

  it("that several loads want at once are made once", async (t) => {
    const { runtime, put, get, translated } = await translationsFixture(t);
    const here = runtime();
    const file = await put("a.test", "add 1");
    const all = await Promise.all(Array.from({ length: 8 }, () => get(here, file)));
    assert.equal(new Set(all.map((each) => each.file)).size, 1);
    assert.equal(translated.length, 1);
  });

  it("stay until the last load has released them", async (t) => {
    const { runtime, put, get, directory } = await translationsFixture(t);
    const here = runtime();
    const file = await put("a.test", "add 1");
    const [a, b] = [await get(here, file), await get(here, file)];
    await rm(join(directory, (await entriesIn(directory))[0] as string));
    a.release();
    a.release();
    assert.equal((await get(here, file)).file, b.file);
    assert.ok((await readFile(b.file)).length > 0);
  });

  it("are made again if their file or the entry was damaged, cut, replaced or removed", async (t) => {
    const { runtime, put, get, translated, directory, warnings } = await translationsFixture(t);
    const file = await put("a.test", "add 1");
    const whole = await readFile((await get(runtime(), file)).file);
    const entry = join(directory, (await entriesIn(directory))[0] as string);
    const other = await readFile((await get(runtime(), await put("b.test", "add 2"))).file);
    const damages: (() => Promise<void>)[] = [
      async () => {
        const changed = Buffer.from(whole);
        changed[40] = (changed[40] as number) ^ 1;
        await writeFile(entry, changed);
      },
      () => truncate(entry, whole.length - 7),
      () => truncate(entry, 0),
      () => writeFile(entry, other),
    ];
    for (const [number, damage] of damages.entries()) {
      await damage();
      const before = translated.length;
      assert.deepEqual(await readFile((await get(runtime(), file)).file), whole);
      assert.equal(translated.length, before + 1);
      assert.equal(warnings.length, number + 1);
      assert.match(warnings.at(-1)?.message ?? "", /damaged/);
      assert.deepEqual(await readFile(entry), whole);
    }
    const here = runtime();
    const { file: gone } = await get(here, file);
    await rm(gone);
    assert.deepEqual(await readFile((await get(here, file)).file), whole);
  });

  it("are refused with what the translator says about the file", async (t) => {
    const { runtime, put, get, directory } = await translationsFixture(t);
    const cases: readonly [content: string, kind: string, message: RegExp][] = [
      ["refuse", "invalid-argument", /a\.test is not served: tree 3 has a cycle at node 7$/],
      ["break", "load-failed", /a\.test is not served: a bug of the translator$/],
      ["exit 3", "load-failed", /a\.test: its translator ended with code 3$/],
      ["exit 0", "load-failed", /a\.test: its translator ended with code 0$/],
      ["kill", "load-failed", /a\.test: its translator ended by SIGKILL$/],
      ["print {}", "load-failed", /a\.test: its translator ended with an answer that none gives$/],
      ['print {"tag":"translated","sizeBytes":1}', "failed-precondition", /does not exist/],
      ["flood", "load-failed", /ended by SIGKILL$/],
    ];
    const here = runtime();
    for (const [content, kind, message] of cases) {
      const file = await put("a.test", content);
      await assert.rejects(get(here, file), { name: "RuntimeError", kind, message }, content);
    }
    assert.deepEqual(await entriesIn(directory), []);
    assert.equal(await linksIn(directory), 0);
  });

  it("that need more memory than there may be end as a refusal", async (t) => {
    const { runtime, put, get } = await translationsFixture(t);
    const takeNow = () => () => {};
    const memory: TranslationMemory = { totalBytes: 2 ** 27, take: async () => takeNow(), takeNow };
    for (const content of ["heap", "buffers"]) {
      await assert.rejects(get(runtime({ memory }), await put("a.test", content)), {
        kind: "over-budget",
        message: /a\.test needs more than \d+ MiB to be translated: raise RUN_MEMORY_BYTES/,
      });
    }
  });

  it("that take too long end as a refusal", async (t) => {
    const { runtime, put, get, directory } = await translationsFixture(t);
    const file = await put("a.test", `hang ${join(directory, "pid")}`);
    await assert.rejects(get(runtime({ timeoutMs: 1_500 }), file), {
      kind: "load-failed",
      message: /was not translated within 1500 ms: raise TRANSLATION_TIMEOUT$/,
    });
  });

  it("end with their last load, and then leave no process and no file", async (t) => {
    const { runtime, put, get, directory } = await translationsFixture(t);
    const here = runtime();
    const pidFile = join(directory, "pid");
    const file = await put("a.test", `hang ${pidFile}`);
    const [a, b] = [new AbortController(), new AbortController()];
    const loads = [get(here, file, a.signal), get(here, file, b.signal)];
    const pid = await pidIn(pidFile);
    a.abort(new Error("first"));
    await assert.rejects(loads[0] as Promise<unknown>, { message: "first" });
    assert.equal(isRunning(pid), true);
    b.abort(new Error("second"));
    await assert.rejects(loads[1] as Promise<unknown>, { message: "second" });
    assert.equal(isRunning(pid), false);
    assert.equal(await linksIn(directory), 0);
  });

  it("wait for each other, and a load that is given up meanwhile leaves the line", async (t) => {
    const { runtime, put, get, directory, translated } = await translationsFixture(t);
    const here = runtime();
    const pidFile = join(directory, "pid");
    const [first, waiting] = [new AbortController(), new AbortController()];
    const hanging = get(here, await put("a.test", `hang ${pidFile}`), first.signal);
    await pidIn(pidFile);
    const given = get(here, await put("b.test", "add 1"), waiting.signal);
    const kept = get(here, await put("c.test", "add 2"));
    waiting.abort(new Error("given up"));
    await assert.rejects(given, { message: "given up" });
    assert.deepEqual(translated, []);
    first.abort(new Error("over"));
    await assert.rejects(hanging, { message: "over" });
    await kept;
    assert.deepEqual(translated, [join(directory, "c.test")]);
  });

  it("take memory while they are made, and wait until there is some", async (t) => {
    const { runtime, put, get, translated } = await translationsFixture(t);
    const free = Promise.withResolvers<void>();
    let takenBytes = 0;
    const memory: TranslationMemory = {
      totalBytes: 2 ** 30,
      async take(bytes) {
        takenBytes = bytes;
        await free.promise;
        return () => (takenBytes = 0);
      },
      takeNow: () => undefined,
    };
    const getting = get(runtime({ memory }), await put("a.test", "add 1"));
    await until("memory is asked for", () => takenBytes > 0);
    assert.ok(takenBytes > 32 * 2 ** 20 && takenBytes < 128 * 2 ** 20, String(takenBytes));
    assert.deepEqual(translated, []);
    free.resolve();
    await getting;
    assert.equal(takenBytes, 0);
  });

  it("work where the directory cannot be written, which the log says once", async (t) => {
    const { runtime, put, get, directory, warnings, translated } = await translationsFixture(t);
    const stores = [
      new TranslationStore({
        directory: "/nowhere/translated",
        own: new PrivateFolder("/nowhere/translated"),
        limitBytes: 1_000,
      }),
      new TranslationStore({ own: new PrivateFolder(directory), limitBytes: 1_000 }),
    ];
    const here = runtime({ stores });
    const a = await get(here, await put("a.test", "add 1"));
    await get(here, await put("b.test", "add 2"));
    assert.equal(warnings.length, 1);
    assert.match(JSON.stringify(warnings), /\/nowhere\/translated.*ENOENT/);
    a.release();
    await get(here, join(directory, "a.test"));
    assert.equal(translated.length, 2, "kept in the private folder");
    const [nowhere] = stores;
    await assert.rejects(
      get(runtime({ stores: [nowhere as TranslationStore] }), join(directory, "a.test")),
      {
        kind: "failed-precondition",
        message: /no directory takes the result .*TRANSLATION_CACHE_DIR/,
      },
    );
  });

  it("are not of a file that changes while it is translated", async (t) => {
    const { runtime, put, get, directory } = await translationsFixture(t);
    const file = await put("a.test", "add 1");
    const here = runtime({
      files: {
        digest: async () => ({
          digest: "0".repeat(64),
          identity: "another",
          head: new Uint8Array(0),
        }),
        checkTranslated: async () => undefined,
        takeTranslated: async () => "missing",
      },
    });
    await assert.rejects(get(here, file), {
      kind: "temporarily-unavailable",
      message: /the file was changed while it was loaded$/,
    });
    assert.deepEqual(await entriesIn(directory), []);
  });

  it("of models with more splits than the load may hold are refused, although they are there", async (t) => {
    const { runtime, put, get } = await translationsFixture(t);
    const here = runtime();
    const file = await put("a.test", "add 1");
    await get(here, file);
    const { sourceOf, testFormat } = await import("../support/translators/translations-fixture.ts");
    const request = { source: await sourceOf(file), format: testFormat };
    const { signal } = new AbortController();
    await assert.rejects(here.get({ ...request, options: { maxSplits: 9 }, signal }), {
      kind: "over-budget",
      message: /has 10 splits, and its load may hold 9/,
    });
  });

  it("end when the runtime is closed", async (t) => {
    const { runtime, put, get, directory } = await translationsFixture(t);
    const here = runtime();
    const pidFile = join(directory, "pid");
    const getting = get(here, await put("a.test", `hang ${pidFile}`));
    const pid = await pidIn(pidFile);
    await Promise.all([
      assert.rejects(getting, { kind: "shutting-down" }),
      here.close(new RuntimeError("shutting-down", "closed")),
    ]);
    assert.equal(isRunning(pid), false);
  });
});

/** Of a translator that hangs. */
async function pidIn(file: string): Promise<number> {
  let pid = 0;
  const look = async () => {
    pid = Number(await readFile(file, "utf8").catch(() => ""));
  };
  await until("a translator has begun", () => {
    void look();
    return pid > 0;
  });
  return pid;
}
