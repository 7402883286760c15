import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { FileThreads } from "../../../src/engine/file-threads.ts";
import { inspectFile } from "../../../src/engine/model-files.ts";
import { RuntimeError } from "../../../src/errors.ts";
import { addOne } from "../../support/onnx-models.ts";

const over = new RuntimeError("shutting-down", "the test is over");

describe("the threads that look at model files", { timeout: 60_000 }, () => {
  let directory = "";
  let file = "";

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "modelport-threads-"));
    file = join(directory, "add.onnx");
    await writeFile(file, addOne());
  });
  after(() => rm(directory, { recursive: true, force: true }));

  function start(t: TestContext, entry?: URL): FileThreads {
    const threads = new FileThreads(entry);
    t.after(() => threads.close(over));
    return threads;
  }

  it("find a file, and look into it on the way", async (t) => {
    const footprint = await inspectFile("onnx", file);
    assert.deepEqual(await start(t).find(file, undefined), {
      model: { format: "onnx", file },
      footprint,
    });
  });

  it("do not open what is in a directory: it may lead out of it", async (t) => {
    const nested = join(directory, "nested");
    await mkdir(nested);
    await writeFile(join(nested, "model.onnx"), addOne());
    await writeFile(join(nested, "modelport.json"), "{}");
    const { model, footprint } = await start(t).find(nested, undefined);
    assert.deepEqual(model, {
      format: "onnx",
      file: join(nested, "model.onnx"),
      settingsFile: join(nested, "modelport.json"),
    });
    assert.equal(footprint, undefined);
  });

  it("say what is wrong as if it were said here", async (t) => {
    const threads = start(t);
    const junk = join(directory, "junk.onnx");
    await writeFile(junk, "no model");
    assert.equal((await threads.find(junk, undefined)).footprint, undefined);
    await assert.rejects(threads.inspect("onnx", junk), (error: unknown) => {
      assert.ok(error instanceof RuntimeError);
      assert.equal(error.kind, "invalid-argument");
      assert.match(error.message, /junk\.onnx is not an ONNX model/);
      return true;
    });
    await assert.rejects(threads.find(join(directory, "missing"), undefined), {
      kind: "failed-precondition",
    });
    await assert.rejects(threads.find(file, "tarot"), { kind: "invalid-argument" });
  });

  it("answer many calls at once, each its own", async (t) => {
    const threads = start(t);
    const missing = Array.from({ length: 50 }, (_, n) => join(directory, `missing ${n}`));
    const answers = await Promise.allSettled([
      ...missing.map((path) => threads.find(path, undefined)),
      threads.inspect("onnx", file),
    ]);
    for (const [n, answer] of answers.slice(0, 50).entries()) {
      assert.ok(answer.status === "rejected" && answer.reason.message.includes(`missing ${n}`));
    }
    assert.equal(answers[50]?.status, "fulfilled");
  });

  it("are joined by another one while a disk does not answer", async (t) => {
    // To open a pipe that nobody writes to blocks as a lost network disk does.
    const pipe = join(directory, "pipe.onnx");
    assert.equal(spawnSync("mkfifo", [pipe]).status, 0);
    const threads = start(t);
    await threads.find(file, undefined);
    let isStuck = true;
    const stuck = threads.inspect("onnx", pipe).finally(() => {
      isStuck = false;
    });
    const refused = assert.rejects(stuck, { kind: "invalid-argument" });
    // What came before it was known is behind it.
    const behind = threads.find(file, undefined);
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.ok((await threads.find(file, undefined)).footprint);
    assert.ok(isStuck);
    await writeFile(pipe, "");
    await refused;
    assert.ok((await behind).footprint);
  });

  it("are replaced when they break", async (t) => {
    const entry = new URL(
      `data:text/javascript,${encodeURIComponent(
        `import { parentPort } from "node:worker_threads";
         parentPort.on("message", ({ number, path }) => {
           if (path === "break") throw new Error("broken by a test");
           parentPort.postMessage({ number, result: path });
         });`,
      )}`,
    );
    const threads = start(t, entry);
    await assert.rejects(threads.find("break", undefined), {
      kind: "temporarily-unavailable",
      message: /broken by a test/,
    });
    assert.equal(await threads.find("again", undefined), "again");
  });

  it("let go of everything when they are closed", async (t) => {
    const threads = start(t);
    const call = assert.rejects(threads.find(file, undefined), { kind: "shutting-down" });
    threads.close(over);
    await call;
    await assert.rejects(threads.find(file, undefined), { kind: "shutting-down" });
  });
});
