import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, describe, it } from "node:test";
import { exitCodes } from "../../src/cli/exit-code.ts";
import { addOne } from "../support/models/simple-models.ts";
import { type Runtime, startRuntime } from "../support/servers/runtime.ts";
import { projectRoot } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

describe("modelport watch", { timeout: 300_000 }, () => {
  let runtime: Runtime;
  /** May be called more than once. */
  let closeRuntime: () => Promise<void>;
  let watch: ChildProcess | undefined;
  let stdout = "";
  let stderr = "";
  beforeEach(async () => {
    runtime = await startRuntime();
    let closing: Promise<void> | undefined;
    closeRuntime = () => {
      closing ??= runtime.close();
      return closing;
    };
    await runtime.put("add-one.onnx", addOne());
  });
  afterEach(async () => {
    watch?.kill("SIGKILL");
    await closeRuntime();
  });

  function start(...args: string[]): ChildProcess {
    const address = `localhost:${runtime.port}`;
    const child = spawn(
      process.execPath,
      ["src/modelport.js", "watch", ...args, "--address", address],
      { cwd: projectRoot, stdio: ["ignore", "pipe", "pipe"] },
    );
    [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    watch = child;
    return child;
  }

  const load = (id: string, path = "add-one.onnx") =>
    runtime.models.load({ id, path, type: "", key: "" }, new AbortController().signal);

  /** The lines so far, without their times. */
  const lines = () =>
    stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => line.replace(/^\d\d:\d\d:\d\d {2}/, ""));

  it("tells first what there is, and then every change of it, in order", async () => {
    await load("before");
    start();
    await waitFor(() => lines().length >= 2);
    assert.deepEqual(lines()[0], "runtime  watching 1 model");
    assert.match(lines()[1] ?? "", /^before {2}ready, [\d.]+ KiB$/);
    await load("mine");
    // What begins and ends between two messages leaves no row to tell of, only its events.
    await waitFor(() => lines().some((line) => line.startsWith("mine  ready")));
    await runtime.models.unload("mine");
    await waitFor(() => lines().includes("mine  unloaded"));
    const ofMine = lines().filter((line) => line.startsWith("mine  "));
    assert.deepEqual(
      ofMine.map((line) => line.replace(/, .*/, "")),
      ["queued", "loading", "ready", "draining", "unloading", "unloaded"]
        .filter((state) => ofMine.some((line) => line.includes(state)))
        .map((state) => `mine  ${state}`),
    );
    assert.ok(
      ofMine.some((line) => /^mine {2}ready, [\d.]+ KiB in \d+ ms$/.test(line)),
      stdout,
    );
  });

  it("says why a load failed", async () => {
    start();
    await waitFor(() => stdout !== "");
    await assert.rejects(load("nowhere", "nowhere.onnx"));
    await waitFor(() => lines().some((line) => /^nowhere {2}load refused: .*exist/.test(line)));
  });

  it("tells of one model alone if one is named", async () => {
    start("mine");
    await waitFor(() => stdout !== "");
    await load("other");
    await load("mine");
    await waitFor(() => lines().some((line) => line.startsWith("mine  ready")));
    assert.ok(!stdout.includes("other"), stdout);
  });

  it("gives programs the messages of the watch service, one a line", async () => {
    start("--output", "json");
    await waitFor(() => stdout.includes("\n"));
    await load("mine");
    await waitFor(() => stdout.includes("EVENT_KIND_MODEL_LOADED"));
    const messages = stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    assert.ok("snapshot" in messages[0]);
    assert.ok(messages.slice(1).every((message) => "delta" in message));
  });

  it("ends well when whoever reads it has seen enough", async () => {
    const child = start("--output", "json");
    const exit = once(child, "exit");
    await waitFor(() => stdout !== "");
    child.stdout?.destroy();
    const [status] = await exit;
    assert.equal(status, exitCodes.ok, stderr);
  });

  it("ends with a code and a reason when the runtime goes away, or tries again if told to", async () => {
    const exit = once(start(), "exit");
    await waitFor(() => stdout !== "");
    await closeRuntime();
    const [status] = await exit;
    assert.ok([exitCodes.notReady, exitCodes.unreachable].includes(status), stderr);
    assert.match(stderr, /^modelport: .+/);
    start("--retry");
    await waitFor(() => stderr.includes("trying again"));
    assert.equal(watch?.exitCode, null);
  });
});
