import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { silentLog } from "../../src/engine/contract/engine-log.ts";
import { digestFile } from "../../src/engine/translation/translation-files.ts";
import type { TranslationMemory } from "../../src/engine/translation/translation-memory.ts";
import { Translators } from "../../src/engine/translation/translator-processes.ts";
import { isRunning } from "../support/servers/engine-fixture.ts";
import { testTranslator, unlimited } from "../support/translators/translations-fixture.ts";
import { waitFor } from "../support/wait-for.ts";

const MiB = 1024 * 1024;
const forever = new AbortController().signal;

interface Made {
  readonly pid: number;
  /** How many files the process had translated before. */
  readonly count: number;
}

async function fixture(t: TestContext, memory: TranslationMemory = unlimited) {
  const folder = await mkdtemp(join(tmpdir(), "modelport-translators-"));
  const translators = new Translators({
    environment: {},
    log: silentLog,
    entry: testTranslator,
    memory,
  });
  t.after(async () => {
    await translators.close();
    await rm(folder, { recursive: true, force: true });
  });
  let last = 0;
  /** Translates a file with this content. */
  async function translate(
    content: string,
    { format = "test", memoryBytes = 32 * MiB, signal = forever } = {},
  ): Promise<Made> {
    const file = join(folder, `${++last}.test`);
    const output = join(folder, `${last}.onnx`);
    await writeFile(file, content);
    const { digest, identity } = digestFile(file);
    const options = { maxSplits: 9 };
    const call = { file, digest, identity, options, output, key: "0".repeat(64) };
    const limits = { timeoutMs: 60_000, memoryBytes, reservedBytes: 0 };
    await translators.run({ format, call }, limits, signal);
    const [, pid, count] = /^(\d+) (\d+)/.exec(await readFile(output, "latin1")) ?? [];
    return { pid: Number(pid), count: Number(count) };
  }
  const outputs = async () => (await readdir(folder)).filter((name) => name.endsWith(".onnx"));
  return { translate, translators, outputs };
}

describe("a translator process", () => {
  it("translates one file after another, up to a number", async (t) => {
    const { translate } = await fixture(t);
    const all: Made[] = [];
    for (let file = 0; file < 34; file++) all.push(await translate("pid"));
    const [first, ...others] = all;
    assert.equal(others.filter(({ pid }) => pid === first?.pid).length, 31);
    assert.deepEqual(
      all.slice(0, 32).map(({ count }) => count),
      Array.from({ length: 32 }, (_, count) => count),
    );
    assert.deepEqual(
      all.slice(32).map(({ count }) => count),
      [0, 1],
    );
    assert.equal(isRunning(first?.pid as number), false);
  });

  it("ends when no file comes for a while", async (t) => {
    const { translate } = await fixture(t);
    const { pid } = await translate("pid");
    await waitFor(() => !isRunning(pid));
    assert.equal((await translate("pid")).count, 0);
  });

  it("ends with a file that it refuses, breaks at, or grows with", async (t) => {
    const { translate } = await fixture(t);
    for (const content of ["refuse", "break", "exit 0", "exit 3", "kill", "print {}", "flood"]) {
      const { pid } = await translate("pid");
      await assert.rejects(translate(content), { name: "RuntimeError" }, content);
      assert.equal(isRunning(pid), false, content);
    }
    const { pid } = await translate("grow 90", { memoryBytes: 256 * MiB });
    assert.equal(isRunning(pid), false);
  });

  it("ends with a call that is given up, and leaves no process", async (t) => {
    const { translate } = await fixture(t);
    const { pid } = await translate("pid");
    const leaving = new AbortController();
    const hanging = translate(`hang ${join(tmpdir(), `modelport-hang-${pid}`)}`, {
      signal: leaving.signal,
    });
    t.after(() => rm(join(tmpdir(), `modelport-hang-${pid}`), { force: true }));
    await waitFor(async () => {
      const text = await readFile(join(tmpdir(), `modelport-hang-${pid}`), "utf8").catch(() => "");
      return text === String(pid);
    });
    leaving.abort(new Error("left"));
    await assert.rejects(hanging, { message: "left" });
    assert.equal(isRunning(pid), false);
  });

  it("that has had other files does not decide that one is bad", async (t) => {
    const { translate, outputs } = await fixture(t);
    const first = await translate("pid");
    const second = await translate("second");
    assert.notEqual(second.pid, first.pid);
    assert.equal(second.count, 0);
    assert.equal(isRunning(first.pid), false);
    assert.deepEqual(await translate("pid"), { pid: second.pid, count: 1 });
    await assert.rejects(translate("break"), { message: /is not served: a bug of the translator/ });
    assert.equal((await outputs()).length, 3, "no file of what failed");
  });

  it("has files of one format", async (t) => {
    const { translate } = await fixture(t);
    const one = await translate("pid");
    const other = await translate("pid", { format: "other" });
    assert.equal(other.count, 0);
    assert.equal(isRunning(one.pid), false);
  });

  it("never has more memory than its file may take", async (t) => {
    const { translate } = await fixture(t);
    const large = await translate("pid", { memoryBytes: 64 * MiB });
    const small = await translate("pid", { memoryBytes: 32 * MiB });
    assert.equal(small.count, 0);
    assert.equal(isRunning(large.pid), false);
    assert.deepEqual(await translate("pid", { memoryBytes: 64 * MiB }), { ...small, count: 1 });
  });

  it("takes the memory that it holds while it waits, and ends if others need that", async (t) => {
    let taken = 0;
    let isFull = false;
    const take = (bytes: number) => {
      taken += bytes;
      return () => {
        taken -= bytes;
      };
    };
    const { translate, translators } = await fixture(t, {
      totalBytes: 2 ** 30,
      take: async (bytes) => take(bytes),
      takeNow: (bytes) => (isFull ? undefined : take(bytes)),
    });
    const first = await translate("pid");
    assert.ok(taken > 4 * MiB && taken < 80 * MiB, String(taken));
    isFull = true;
    const second = await translate("pid");
    assert.notEqual(second.pid, first.pid);
    assert.equal(taken, 0);
    assert.equal(isRunning(second.pid), false);
    isFull = false;
    const third = await translate("pid");
    await translators.close();
    assert.equal(taken, 0);
    assert.equal(isRunning(third.pid), false);
  });
});
