import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

const exits = new URL("../../../src/base/process-exit.ts", import.meta.url).href;

let directory: string;
let fifo: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "modelport-exit-"));
  fifo = join(directory, "fifo");
  execFileSync("mkfifo", [fifo]);
});
after(() => rm(directory, { recursive: true, force: true }));

/** Runs `code` in a process of its own, which ends by `exitProcess(3)`. To open a FIFO that nobody writes to holds a
 *  thread as a network disk that does not answer. */
function run(code: string) {
  const script = `
    import fs from "node:fs";
    import { Worker } from "node:worker_threads";
    import { endsWithProcess, exitProcess } from ${JSON.stringify(exits)};
    const fifo = ${JSON.stringify(fifo)};
    process.on("exit", () => console.log("exit handlers ran"));
    ${code}
    await exitProcess(3);`;
  const args = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script];
  const options = { timeout: 30_000, killSignal: "SIGKILL", encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, args, options);
  return { status, stdout, stderr };
}

const ended = { status: 3, stdout: "exit handlers ran\n", stderr: "" };

describe("exitProcess", () => {
  it("ends as process.exit where nothing is held", () => {
    const code = `
      endsWithProcess(new Worker("setInterval(() => {}, 1_000)", { eval: true }));`;
    assert.deepEqual(run(code), ended);
  });

  it("ends with its code while all of Node's threads for files are held", () => {
    const code = `for (let n = 0; n < 6; n++) fs.open(fifo, "r", () => {});`;
    assert.deepEqual(run(code), ended);
  });

  it("ends with its code while a thread of our own is held", () => {
    const code = `
      const worker = new Worker(
        'require("node:worker_threads").parentPort.postMessage(0);' +
          'require("node:fs").openSync(' + JSON.stringify(fifo) + ')',
        { eval: true, execArgv: [] },
      );
      endsWithProcess(worker);
      await new Promise((resolve) => worker.once("message", resolve));`;
    assert.deepEqual(run(code), ended);
  });
});
