import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { settings } from "../../src/config/settings.ts";
import { runCli } from "../support/clients/run-cli.ts";
import { startServed } from "../support/servers/served.ts";

describe("modelport config", () => {
  let folder: string;
  let file: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "modelport-config-"));
    file = join(folder, "modelport.yaml");
    await writeFile(file, "max-queue-size: 7\nallowed-hosts: [a.example, b.example]\n");
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("shows every setting with its value, and where that came from", async () => {
    const { status, stdout, stderr } = await runCli(["config", "--port=9000", "--config", file], {
      env: { MEM_BUFFER_BYTES: "536870912" },
    });
    assert.equal(status, 0, stderr);
    assert.equal(stderr, "");
    const rows = new Map(stdout.split("\n").map((line) => [line.split(" ")[0], line]));
    for (const name of Object.keys(settings)) assert.ok(rows.has(name), name);
    const row = (name: string) => rows.get(name)?.replace(/ {2,}/g, "|");
    assert.equal(row("port"), "port|9000|--port");
    assert.equal(row("memory-buffer"), "memory-buffer|536870912 (512 MiB)|MEM_BUFFER_BYTES");
    assert.equal(row("max-queue-size"), `max-queue-size|7|${file}:1`);
    assert.equal(row("allowed-hosts"), `allowed-hosts|a.example,b.example|${file}:2`);
    assert.equal(row("load-timeout"), "load-timeout|30000 (30 s)|default");
  });

  it("prints a document for programs", async () => {
    const { stdout } = await runCli(["config", "-o", "json", "--config", file]);
    const document = JSON.parse(stdout);
    assert.deepEqual(Object.keys(document.settings).sort(), Object.keys(settings).sort());
    const { "max-queue-size": queue, port, "max-queue-wait": wait } = document.settings;
    assert.deepEqual(queue, { value: 7, source: "file", from: `${file}:1` });
    assert.deepEqual(port, { value: 8085, source: "default" });
    assert.deepEqual(wait, { value: null, source: "default" });
    assert.deepEqual(document.warnings, []);
  });

  it("prints a file that makes the same again", async () => {
    const flags = [
      "--port",
      "9000",
      "--cors-origins",
      "https://a.example, https://b.example",
      "--runtime-version",
      '1.5 "x"',
    ];
    const first = await runCli(["config", "-o", "yaml", "--config", file, ...flags]);
    const copy = join(folder, "copy.yaml");
    await writeFile(copy, first.stdout);
    const [before, after] = await Promise.all([
      runCli(["config", "-o", "json", "--config", file, ...flags]),
      runCli(["config", "-o", "json", "--config", copy]),
    ]);
    const valuesIn = ({ stdout }: { stdout: string }) =>
      Object.entries<{ value: unknown }>(JSON.parse(stdout).settings)
        .filter(([name]) => name !== "config")
        .map(([name, { value }]) => [name, value]);
    assert.deepEqual(valuesIn(after), valuesIn(before));
  });

  it("ends with 1 where serve would not start, and tells what serve would tell", async () => {
    const flags = ["--port", "x", "--nothing", "--max-message-size=1"];
    const [shown, served] = await Promise.all([
      runCli(["config", ...flags]),
      runCli(["serve", ...flags]),
    ]);
    assert.equal(shown.status, 1);
    assert.equal(shown.stdout, "");
    assert.equal(served.status, 1);
    const lines = (text: string) => text.replaceAll("modelport: ", "").trim().split("\n");
    assert.equal(lines(shown.stderr).length, 3);
    assert.deepEqual(lines(shown.stderr), lines(served.stderr));
  });

  it("warns of variables that nearly are settings", async () => {
    const env = { LOADING_CONCURENCY: "4" };
    const { status, stderr } = await runCli(["config"], { env });
    assert.equal(status, 0);
    assert.match(
      stderr,
      /warning: unknown setting LOADING_CONCURENCY: did you mean LOADING_CONCURRENCY\?/,
    );
  });

  it("refuses a format that there is not", async () => {
    const { status, stderr } = await runCli(["config", "--output", "xml"]);
    assert.equal(status, 2);
    assert.match(stderr, /--output is "xml", expected one of text, json, yaml/);
  });
});

describe("the commands that call a runtime", () => {
  it("find it where the file says that this environment names", async (t) => {
    const served = await startServed([]);
    t.after(() => served.stop());
    const folder = await mkdtemp(join(tmpdir(), "modelport-config-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, "modelport.yaml");
    await writeFile(file, `port: ${served.port}\nno-such-setting: 1\n`);
    const env = { MODELPORT_CONFIG: file };
    assert.equal((await runCli(["probe", "live"], { env })).status, 0);
    const elsewhere = await runCli(["probe", "live"], { env: { ...env, ADAPTER_PORT: "1" } });
    assert.equal(elsewhere.status, 3);
    assert.match(elsewhere.stderr, /localhost:1/);
  });
});
