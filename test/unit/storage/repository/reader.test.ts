import assert from "node:assert/strict";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { RuntimeError } from "../../../../src/base/errors.ts";
import type { RepositoryListing } from "../../../../src/storage/repository/model-repository.ts";
import { RepositoryReader } from "../../../../src/storage/repository/reader.ts";

/** A reader of an empty directory whose readings end when the test says so, and a clock that stands still. */
async function setUp(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), "modelport-reader-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  // Whole, or a second later would not always be a second later.
  let nowMs = Math.ceil(performance.now());
  t.mock.method(performance, "now", () => nowMs);
  const readings: PromiseWithResolvers<RepositoryListing>[] = [];
  const reader = new RepositoryReader(directory, [{ extensions: [".onnx"] }], () => {
    const reading = Promise.withResolvers<RepositoryListing>();
    readings.push(reading);
    return reading.promise;
  });
  /** Ends the reading of this number, counted from 1, when it has begun. Returns what it found. */
  async function end(nth: number, tookMs = 0): Promise<RepositoryListing> {
    while (readings.length < nth) await setImmediate();
    const listing = { models: [], ignored: [], doubles: [] };
    nowMs += tookMs;
    readings[nth - 1]?.resolve(listing);
    return listing;
  }
  return {
    directory,
    reader,
    readings,
    end,
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

describe("the reader of a repository", () => {
  it("reads once for all who look at the same time, and for a second after that", async (t) => {
    const { reader, readings, end, pass } = await setUp(t);
    const looks = Promise.all([reader.recent(), reader.recent(), reader.recent()]);
    const first = await end(1);
    for (const listing of await looks) assert.equal(listing, first);
    pass(999);
    assert.equal(await reader.recent(), first);
    pass(1);
    const later = reader.recent();
    assert.equal(await end(2), await later);
    assert.equal(readings.length, 2);
  });

  it("reads a slow disk the less often", async (t) => {
    const { reader, readings, end, pass } = await setUp(t);
    const look = reader.recent();
    await end(1, 3_000);
    await look;
    pass(59_999);
    await reader.recent();
    assert.equal(readings.length, 1);
  });

  it("sees at once what has come to the directory itself", async (t) => {
    const { directory, reader, readings, end } = await setUp(t);
    await utimes(directory, 1, 1);
    const look = reader.recent();
    await end(1);
    await look;
    await writeFile(join(directory, "new.onnx"), "");
    const second = reader.recent();
    const listing = await end(2);
    assert.equal(await second, listing);
    assert.equal(readings.length, 2);
  });

  it("reads anew for whoever needs the disk as it is, once for all who come meanwhile", async (t) => {
    const { reader, readings, end } = await setUp(t);
    const early = reader.fresh();
    const late = [reader.fresh(), reader.fresh()];
    const first = await end(1);
    assert.equal(await early, first);
    const second = await end(2);
    for (const each of late) assert.equal(await each, second);
    assert.equal(await reader.recent(), second, "those who look have it, too");
    const third = reader.fresh();
    assert.equal(await end(3), await third);
    assert.equal(readings.length, 3);
  });

  it("keeps no failure: neither for the next, nor in place of what it knew", async (t) => {
    const { reader, readings, end } = await setUp(t);
    const [early, late] = [reader.fresh(), reader.fresh()];
    while (readings.length < 1) await setImmediate();
    readings[0]?.reject(new RuntimeError("failed-precondition", "unmounted"));
    await assert.rejects(early, /unmounted/);
    const second = await end(2);
    assert.equal(await late, second);
  });
});
