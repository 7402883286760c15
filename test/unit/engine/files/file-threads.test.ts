import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { RuntimeError } from "../../../../src/base/errors.ts";
import { fileIdentity } from "../../../../src/base/files/file-identity.ts";
import { FileThreads } from "../../../../src/engine/files/file-threads.ts";
import { inspectFile } from "../../../../src/engine/files/model-files.ts";
import { addOne } from "../../../support/models/simple-models.ts";
import { placeOf } from "../../../support/servers/engine-fixture.ts";

const over = new RuntimeError("shutting-down", "the test is over");

describe("the threads that look at model files", { timeout: 300_000 }, () => {
  let directory = "";
  let file = "";

  before(async () => {
    directory = await realpath(await mkdtemp(join(tmpdir(), "modelport-threads-")));
    file = join(directory, "add.onnx");
    await writeFile(file, addOne());
  });
  after(() => rm(directory, { recursive: true, force: true }));

  function start(t: TestContext, entry?: URL): FileThreads {
    const threads = new FileThreads(entry && { entry });
    t.after(() => threads.close(over));
    return threads;
  }

  it("find a file, and look into it on the way", async (t) => {
    const inspected = await inspectFile({ format: "onnx", file });
    const place = placeOf(file);
    assert.deepEqual(await start(t).find(place), {
      model: {
        format: "onnx",
        file,
        identity: fileIdentity(await stat(file, { bigint: true })),
        dataFolder: { path: directory, roots: place.roots },
      },
      inspected,
    });
  });

  it("find what is in a directory, with its settings", async (t) => {
    const nested = join(directory, "nested");
    await mkdir(nested);
    const model = join(nested, "model.onnx");
    const settings = join(nested, "modelport.json");
    await writeFile(model, addOne());
    await writeFile(settings, "{}");
    const place = placeOf(nested);
    assert.deepEqual(await start(t).find(place), {
      model: {
        format: "onnx",
        file: model,
        identity: fileIdentity(await stat(model, { bigint: true })),
        dataFolder: { path: nested, roots: place.roots },
        settingsFile: { name: settings, path: settings },
      },
      inspected: await inspectFile({ format: "onnx", file: model }),
    });
  });

  it("follow links as far as the roots", async (t) => {
    const threads = start(t);
    const root = join(directory, "root");
    const outside = join(directory, "outside");
    for (const folder of [join(root, "inner"), outside]) await mkdir(folder, { recursive: true });
    await writeFile(join(root, "real.onnx"), addOne());
    await writeFile(join(outside, "model.onnx"), addOne());
    await symlink("../real.onnx", join(root, "inner/model.onnx"));
    await symlink(join(outside, "model.onnx"), join(root, "out.onnx"));
    await symlink(outside, join(root, "out"));
    await mkdir(join(root, "hidden"));
    await symlink("../out.onnx", join(root, "hidden/model.onnx"));
    const find = (name: string) =>
      threads.find({ path: join(root, name), name, roots: [root], format: undefined });
    assert.equal((await find("inner")).model.file, join(root, "real.onnx"));
    for (const name of ["out.onnx", "out", "hidden"]) {
      await assert.rejects(find(name), {
        kind: "invalid-argument",
        message: `model path '${name}' is outside the model directories (${root})`,
      });
    }
  });

  it("say what is wrong as if it were said here", async (t) => {
    const threads = start(t);
    const junk = join(directory, "junk.onnx");
    await writeFile(junk, "no model");
    assert.equal((await threads.find(placeOf(junk))).inspected, undefined);
    await assert.rejects(threads.inspect({ format: "onnx", file: junk }), (error: unknown) => {
      assert.ok(error instanceof RuntimeError);
      assert.equal(error.kind, "invalid-argument");
      assert.match(error.message, /junk\.onnx is not an ONNX model/);
      return true;
    });
    await assert.rejects(threads.find(placeOf(join(directory, "missing"))), {
      kind: "failed-precondition",
    });
    await assert.rejects(threads.find({ ...placeOf(file), format: "tarot" }), {
      kind: "invalid-argument",
    });
  });

  it("answer many calls at once, each its own", async (t) => {
    const threads = start(t);
    const missing = Array.from({ length: 50 }, (_, n) => join(directory, `missing ${n}`));
    const answers = await Promise.allSettled([
      ...missing.map((path) => threads.find(placeOf(path))),
      threads.inspect({ format: "onnx", file }),
    ]);
    for (const [n, answer] of answers.slice(0, 50).entries()) {
      assert.ok(answer.status === "rejected" && answer.reason.message.includes(`missing ${n}`));
    }
    assert.equal(answers[50]?.status, "fulfilled");
  });

  it("are joined by another one while a disk does not answer", async (t) => {
    // To open a pipe that nobody writes to blocks as a lost network disk does. The threads' own code looks
    // at the type first.
    const pipe = join(directory, "pipe.onnx");
    assert.equal(spawnSync("mkfifo", [pipe]).status, 0);
    const main = new URL("../../../../src/engine/files/file-thread-main.ts", import.meta.url);
    const entry = new URL(
      `data:text/javascript,${encodeURIComponent(
        `import { readFileSync } from "node:fs";
         import { parentPort } from "node:worker_threads";
         parentPort.on("message", ({ task, model }) => {
           if (task === "inspect") readFileSync(model.file);
         });
         await import(${JSON.stringify(main.href)});`,
      )}`,
    );
    const threads = start(t, entry);
    await threads.find(placeOf(file));
    let isStuck = true;
    const stuck = threads.inspect({ format: "onnx", file: pipe }).finally(() => {
      isStuck = false;
    });
    const refused = assert.rejects(stuck, { kind: "invalid-argument" });
    // What came before it was known is behind it.
    const behind = threads.find(placeOf(file));
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.ok((await threads.find(placeOf(file))).inspected);
    assert.ok(isStuck);
    await writeFile(pipe, "");
    await refused;
    assert.ok((await behind).inspected);
  });

  it("are replaced when they break", async (t) => {
    const entry = new URL(
      `data:text/javascript,${encodeURIComponent(
        `import { parentPort } from "node:worker_threads";
         parentPort.on("message", ({ number, place: { path } }) => {
           if (path === "break") throw new Error("broken by a test");
           parentPort.postMessage({ number, result: path });
         });`,
      )}`,
    );
    const threads = start(t, entry);
    await assert.rejects(threads.find(placeOf("break")), {
      kind: "temporarily-unavailable",
      message: /broken by a test/,
    });
    assert.equal(await threads.find(placeOf("again")), "again");
  });

  it("let go of everything when they are closed", async (t) => {
    const threads = start(t);
    const call = assert.rejects(threads.find(placeOf(file)), { kind: "shutting-down" });
    threads.close(over);
    await call;
    await assert.rejects(threads.find(placeOf(file)), { kind: "shutting-down" });
  });
});
