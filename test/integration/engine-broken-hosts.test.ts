import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { promisify } from "node:util";
import { createEngine } from "../../src/engine/create-engine.ts";
import { addOne } from "../support/models/simple-models.ts";
import {
  forever,
  inspectAt,
  isRunning,
  placeOf,
  startEngine,
  until,
} from "../support/servers/engine-fixture.ts";

const limitMs = 300_000;
const engineModule = new URL("../../src/engine/create-engine.ts", import.meta.url).href;

/** An environment in which every host runs `script` before anything else. */
async function hostsThatRun(t: TestContext, script: string): Promise<Record<string, string>> {
  const directory = await mkdtemp(join(tmpdir(), "modelport-preload-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const preload = join(directory, "preload.mjs");
  await writeFile(preload, script);
  return { NODE_OPTIONS: `--import=${preload}` };
}

class Notes {
  readonly lines: { message: string; facts: Record<string, unknown> }[] = [];
  readonly info = this.#note.bind(this);
  readonly warn = this.#note.bind(this);
  readonly error = this.#note.bind(this);

  count(message: string): number {
    return this.lines.filter((line) => line.message === message).length;
  }

  #note(facts: object, message: string): void {
    this.lines.push({ message, facts: { ...facts } });
  }
}

describe("hosts that cannot start", { timeout: limitMs }, () => {
  it("are tried with pauses, then the engine gives up hope; what they wrote is logged", async (t) => {
    const log = new Notes();
    const environment = await hostsThatRun(t, 'console.error("no such library"); process.exit(3);');
    const engine = createEngine({ hosts: 2, environment, log });
    t.after(() => engine.close());
    await assert.rejects(engine.ready, {
      kind: "host-lost",
      message: /the engine host \(process \d+\) ended with code 3$/,
    });
    // Five rounds of three hosts.
    const starts = log.count("engine host was lost");
    assert.ok(starts >= 5 && starts <= 15, String(starts));
    assert.ok(log.lines.some((line) => line.facts["line"] === "no such library"));
    const source = {
      format: "onnx",
      file: "/nowhere.onnx",
      identity: "",
      filesIdentity: "",
      diskBytes: 1,
      estimatedBytes: 1,
      plausibleBytes: 1,
      leastBytes: 1,
      isClear: true,
    };
    await assert.rejects(engine.load(source, { signal: forever, isolated: false }), {
      kind: "failed-precondition",
    });
  });

  it("make loads fail as not tried, in whatever kind of host", async (t) => {
    const { engine: healthy, put } = await startEngine(t);
    const source = await inspectAt(healthy, await put("add.onnx", addOne()), undefined);
    const environment = await hostsThatRun(t, "process.exit(3);");
    const engine = createEngine({ hosts: 1, environment });
    t.after(() => engine.close());
    for (const isolated of [false, true]) {
      await assert.rejects(engine.load(source, { signal: forever, isolated }), {
        kind: "temporarily-unavailable",
      });
    }
    await assert.rejects(engine.load({ ...source }, { signal: forever, isolated: false }), {
      kind: "temporarily-unavailable",
    });
  });

  it("are reported once, however much nonsense they send", async (t) => {
    const log = new Notes();
    const script = `
      import { writeSync } from "node:fs";
      const write = () => { try { writeSync(3, Buffer.alloc(65_536, 0xff)); } catch {} };
      for (let times = 0; times < 64; times++) write();
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    `;
    const engine = createEngine({ hosts: 1, environment: await hostsThatRun(t, script), log });
    t.after(() => engine.close());
    await assert.rejects(engine.ready, { kind: "host-lost" });
    const pids = log.lines.flatMap(({ message, facts }) =>
      message === "engine host was broken" ? [facts["hostPid"]] : [],
    );
    assert.ok(pids.length > 0);
    assert.equal(new Set(pids).size, pids.length);
  });

  it("can be aborted while a load waits for them", async (t) => {
    const { engine: healthy, put } = await startEngine(t);
    const source = await inspectAt(healthy, await put("add.onnx", addOne()), undefined);
    const environment = await hostsThatRun(t, "await new Promise((r) => setTimeout(r, 60_000));");
    const engine = createEngine({ hosts: 1, environment });
    t.after(() => engine.close());
    for (const isolated of [false, true]) {
      const abort = new AbortController();
      const loading = engine.load(source, { signal: abort.signal, isolated });
      const reason = new Error("not needed");
      setTimeout(() => abort.abort(reason), 20);
      await assert.rejects(loading, reason);
    }
  });
});

describe("a system that refuses processes", { timeout: limitMs }, () => {
  it("makes loads fail as not tried; the engine recovers by itself", async (t) => {
    const { put } = await startEngine(t);
    const model = await put("add.onnx", addOne());
    const script = `
      const { closeSync, openSync } = await import("node:fs");
      const { createEngine } = await import(${JSON.stringify(engineModule)});
      const engine = createEngine({ hosts: 1 });
      const source = await engine.inspect(await engine.locate(${JSON.stringify(placeOf(model))}));
      const signal = new AbortController().signal;
      const load = (isolated) =>
        engine.load(source, { signal, isolated }).then(() => "loaded", (error) => error.kind);
      const kinds = [await load(true)];
      const files = [];
      try { for (;;) files.push(openSync("/dev/null", "r")); } catch {}
      // The spare may serve the first of these, if it is up.
      await load(true);
      kinds.push(await load(true), await load(false));
      for (const file of files) closeSync(file);
      for (let kind = ""; kind !== "loaded"; ) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        kind = await load(true);
      }
      kinds.push(engine.hosts().filter((host) => host.kind === "dedicated").length >= 2);
      console.log(JSON.stringify(kinds));
      await engine.close();
    `;
    const { stdout } = await promisify(execFile)("sh", [
      "-c",
      'ulimit -n 64; exec "$0" --input-type=module --eval "$1"',
      process.execPath,
      script,
    ]);
    assert.deepEqual(JSON.parse(stdout), ["loaded", "temporarily-unavailable", "loaded", true]);
  });
});

describe("a host that sends what is not a frame", { timeout: limitMs }, () => {
  for (const [what, garbage] of [
    ["text", '"HTTP/1.1 400 Bad Request\\r\\n\\r\\n"'],
    // A well-formed "released" frame for a call that was never made.
    ["an answer to nothing", "Buffer.from('000000004d5007130900000000000000', 'hex')"],
    ["a frame that is too long", "Buffer.from('ffffffff4d5006120900000000000000', 'hex')"],
  ] as const) {
    it(`is killed, and its models are lost: ${what}`, async (t) => {
      const log = new Notes();
      // On SIGUSR2, so that the test chooses the moment.
      const environment = await hostsThatRun(
        t,
        `import { writeSync } from "node:fs";
         process.on("SIGUSR2", () => writeSync(3, ${garbage}));`,
      );
      const { put, load } = await startEngine(t, { environment, log });
      const model = await load(await put("add.onnx", addOne()));
      process.kill(model.hostPid, "SIGUSR2");
      const error = await model.lost;
      assert.equal(error.kind, "host-lost");
      assert.match(error.message, /^the engine host sent .* and was killed$/);
      assert.equal(isRunning(model.hostPid), false);
      assert.equal(log.count("engine host was broken"), 1);
      await until("the spare serves", () => log.count("engine host started") >= 3);
      await (await load(await put("add.onnx", addOne()))).unload();
    });
  }
});
