import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import net from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { exitCodes } from "../../src/cli/exit-code.ts";
import { type CliOptions, runCli } from "../support/clients/run-cli.ts";
import { junk } from "../support/models/failing-models.ts";
import { addOne, identity } from "../support/models/simple-models.ts";
import { type Runtime, startRuntime } from "../support/servers/runtime.ts";

describe("modelport", { timeout: 300_000 }, () => {
  let runtime: Runtime;
  before(async () => {
    runtime = await startRuntime({ servesRoot: true });
    await runtime.put("add-one.onnx", addOne());
    await runtime.put("text.onnx", identity("BYTES"));
    await runtime.put("long.onnx", identity("INT64"));
    await runtime.put("broken.onnx", junk(1_000));
    for (const name of ["add-one", "text", "long"]) {
      await runtime.models.loadFromRepository(name, new AbortController().signal);
    }
  });
  after(() => runtime?.close());

  const modelport = (args: readonly string[], options: CliOptions = {}) => {
    const env = { MODELPORT_ADDRESS: `localhost:${runtime.port}`, ...options.env };
    return runCli(args, { ...options, env });
  };

  /** What a command that succeeds prints as JSON. */
  async function json(...args: string[]) {
    const { status, stdout, stderr } = await modelport([...args, "--output", "json"]);
    assert.equal(status, exitCodes.ok, stderr);
    return JSON.parse(stdout);
  }

  describe("status", () => {
    it("shows phase, memory, lifecycle, models and hosts", async () => {
      const { status, stdout } = await modelport(["status"]);
      assert.equal(status, exitCodes.ok);
      assert.match(stdout, /^runtime +localhost:\d+, ready, up \d+ s$/m);
      assert.match(stdout, /^memory +2 GiB for models: [\d.]+ KiB used, 0 B reserved/m);
      assert.match(stdout, /^lifecycle +the local repository, .*you may load and unload models$/m);
      assert.match(stdout, /^models +\d+ ready/m);
      assert.match(stdout, /^hosts +process \d+ \(shared\)/m);
    });

    it("says whose the lifecycle is, and how to change that", async (t) => {
      const other = await startRuntime({ servesRoot: true, lifecycleOwner: "modelmesh" });
      t.after(() => other.close());
      const env = { MODELPORT_ADDRESS: `localhost:${other.port}` };
      const { stdout } = await modelport(["status"], { env });
      assert.match(
        stdout,
        /^lifecycle +ModelMesh, .*LIFECYCLE_OWNER=repository changes this.*; you may load and unload only other models$/m,
      );
      const { status, stderr } = await modelport(["load", "plain"], { env });
      assert.equal(status, exitCodes.failed);
      assert.match(stderr, /ModelMesh owns the lifecycle .*LIFECYCLE_OWNER=repository/);
    });

    it("gives programs the snapshot of the watch service", async () => {
      const { snapshot, caller } = await json("status");
      assert.equal(snapshot.runtime.phase, "RUNTIME_PHASE_READY");
      assert.equal(snapshot.runtime.capacityBytes, `${2048 * 1024 ** 2}`);
      assert.equal(caller.mayChangeModels, true);
    });
  });

  describe("models", () => {
    it("lists what is loaded and what only lies in the repository", async () => {
      const { stdout } = await modelport(["models"]);
      assert.match(stdout, /^MODEL +VERSION +STATE/);
      assert.match(stdout, /^add-one +ready +[\d.]+ KiB/m);
      assert.match(stdout, /^broken +not loaded/m);
    });

    it("says of one model whether its requests are joined, and why", async () => {
      const { stdout } = await modelport(["models", "add-one"]);
      assert.match(stdout, /^ +joining +proven: its rows are proven independent$/m);
      const { models } = await json("models", "add-one");
      assert.deepEqual(models[0].joining, {
        state: "JOINING_STATE_PROVEN",
        reason: "its rows are proven independent",
      });
    });

    it("gives programs a row for each, and names alone to shells", async () => {
      const { models, unloaded } = await json("models");
      const ready = models.filter(
        (model: { state: string }) => model.state === "MODEL_STATE_READY",
      );
      assert.deepEqual(
        ready.map(({ id }: { id: string }) => id),
        ["add-one", "long", "text"],
      );
      assert.deepEqual(
        unloaded.map(({ name }: { name: string }) => name),
        ["broken"],
      );
      const { stdout } = await modelport(["models", "--output", "names"]);
      assert.equal(stdout, "add-one\nlong\ntext\nbroken\n");
    });

    it("shows everything about one, its inputs and outputs included", async () => {
      const { stdout } = await modelport(["models", "add-one"]);
      for (const part of ["history", "queued", "path", "memory", "x FP32[-1,4]", "y FP32[-1,4]"]) {
        assert.ok(stdout.includes(part), `${part} is missing in ${stdout}`);
      }
    });

    it("ends with a code of its own for a model that is nowhere", async () => {
      const { status, stderr } = await modelport(["models", "nowhere"]);
      assert.equal(status, exitCodes.notFound);
      assert.match(stderr, /^modelport: no model "nowhere" is loaded or in the repository\n {2}\S/);
    });
  });

  describe("load and unload", () => {
    it("move a model by its path, and say what it took and what came free", async () => {
      const loaded = await modelport([
        "load",
        "mine",
        "--path",
        "add-one.onnx",
        "--type",
        "mt:onnx",
      ]);
      assert.match(loaded.stdout, /^loaded mine: [\d.]+ KiB, in \d+ ms\n$/, loaded.stderr);
      assert.ok(runtime.models.isModelReady("mine", ""));
      const unloaded = await modelport(["unload", "mine"]);
      assert.match(unloaded.stdout, /^unloaded mine: [\d.]+ KiB free again\n$/);
      const again = await modelport(["unload", "mine"]);
      assert.equal(again.status, exitCodes.notFound);
    });

    it("move models of the local repository by their names", async () => {
      const { status } = await modelport(["unload", "text"]);
      assert.equal(status, exitCodes.ok);
      assert.ok(!runtime.models.isModelReady("text", ""));
      const { models } = await json("load", "text");
      assert.equal(models.length, 1);
      assert.equal(models[0].state, "MODEL_STATE_READY");
      assert.equal(models[0].pinned, true);
    });

    it("pass the model's own settings on", async () => {
      await json("load", "keyed", "--path", "add-one.onnx", "--key", '{"max_concurrency": 3}');
      assert.equal((await modelport(["unload", "keyed"])).status, exitCodes.ok);
      const bad = await modelport(["load", "keyed", "--path", "add-one.onnx", "--key", "{"]);
      assert.equal(bad.status, exitCodes.usage);
      assert.match(bad.stderr, /--key is not a JSON object/);
      const alone = await modelport(["load", "text", "--key", "{}"]);
      assert.equal(alone.status, exitCodes.usage);
      assert.match(alone.stderr, /--key needs --path/);
    });

    it("say why a model does not load, and what to do", async () => {
      const broken = await modelport(["load", "broken"]);
      assert.equal(broken.status, exitCodes.failed, broken.stderr);
      const missing = await modelport(["load", "x", "--path", "missing.onnx"]);
      assert.equal(missing.status, exitCodes.failed);
      assert.match(missing.stderr, /does not exist\n {2}give the path as the runtime sees it/);
      const unknown = await modelport(["load", "unknown"]);
      assert.equal(unknown.status, exitCodes.notFound);
    });
  });

  describe("infer", () => {
    const dataOf = async (...args: string[]) => (await json("infer", ...args)).outputs[0].data;

    it("takes JSON, with or without the input's name, and rows without their batch", async () => {
      assert.deepEqual(await dataOf("add-one", "[[1, 2, 3, 4]]"), [2, 3, 4, 5]);
      assert.deepEqual(await dataOf("add-one", "x=[[1, 2, 3, 4], [5, 6, 7, 8]]"), [
        ...[2, 3, 4, 5],
        ...[6, 7, 8, 9],
      ]);
      assert.deepEqual(await dataOf("add-one", "[1, 2, 3, 4]"), [2, 3, 4, 5]);
    });

    it("takes files of JSON and numpy, and stdin", async () => {
      const jsonFile = join(runtime.root, "_row.json");
      await writeFile(jsonFile, "[[0, 0, 0, 1]]");
      assert.deepEqual(await dataOf("add-one", `@${jsonFile}`), [1, 1, 1, 2]);
      const numpyFile = join(runtime.root, "_row.npy");
      await writeFile(numpyFile, npy("<f8", "(4,)", new Float64Array([1, 2, 3, 4])));
      assert.deepEqual(await dataOf("add-one", `x=@${numpyFile}`), [2, 3, 4, 5]);
      const { stdout } = await modelport(["infer", "add-one", "@-", "-o", "json"], {
        stdin: "[[9, 9, 9, 9]]",
      });
      assert.deepEqual(JSON.parse(stdout).outputs[0].data, [10, 10, 10, 10]);
    });

    it("takes a request of REST", async () => {
      const inputs = [{ name: "x", datatype: "FP32", shape: [1, 4], data: [1, 1, 1, 1] }];
      const { status, stdout, stderr } = await modelport(["infer", "add-one", "--request", "-"], {
        stdin: JSON.stringify({ inputs }),
      });
      assert.equal(status, exitCodes.ok, stderr);
      assert.equal(stdout, "y FP32[1,4]\n  [[2, 2, 2, 2]]\n");
    });

    it("keeps integers beyond 2^53, and words as they are", async () => {
      const long = "9007199254740993";
      const { stdout } = await modelport(["infer", "long", `[[${long}]]`, "-o", "json"]);
      assert.ok(stdout.includes(`"data":[${long}]`), stdout);
      assert.deepEqual(await dataOf("text", '[["a b", "ü"]]'), ["a b", "ü"]);
      assert.match((await modelport(["infer", "text", '[["a"]]'])).stdout, /\[\["a"\]\]/);
    });

    it("takes NaN and the infinities for floats, and as words for text", async () => {
      const row = '[[null, NaN, "-Infinity", Infinity]]';
      const { stdout, stderr } = await modelport(["infer", "add-one", row]);
      assert.equal(stdout, "y FP32[1,4]\n  [[NaN, NaN, -Infinity, Infinity]]\n", stderr);
      assert.deepEqual(await dataOf("add-one", row), [null, null, null, null]);
      assert.deepEqual(await dataOf("text", '[["NaN"]]'), ["NaN"]);
      const refused = await modelport(["infer", "long", "[[NaN]]"]);
      assert.match(refused.stderr, /"x" has NaN where a value is expected/);
    });

    it("sends zeros where only the model is in question", async () => {
      assert.deepEqual(await dataOf("add-one", "--zeros"), [1, 1, 1, 1]);
    });

    it("tells what the model takes if nothing is given, and which input is wrong", async () => {
      const nothing = await modelport(["infer", "add-one"]);
      assert.equal(nothing.status, exitCodes.usage);
      assert.match(nothing.stderr, /takes x FP32\[-1,4\]/);
      for (const [bad, message] of [
        ["[[1, 2], [3]]", /rows of different lengths/],
        ['[["a"]]', /input "x" \(FP32\): "a" is not a number/],
        ["nonsense", /not JSON/],
        ["@/nowhere.json", /ENOENT/],
      ] as const) {
        const { status, stderr } = await modelport(["infer", "add-one", bad]);
        assert.equal(status, exitCodes.usage, bad);
        assert.match(stderr, message);
      }
      const refused = await modelport(["infer", "add-one", "[[1, 2, 3]]"]);
      assert.equal(refused.status, exitCodes.failed);
      assert.match(refused.stderr, /shape/);
      assert.equal((await modelport(["infer", "nowhere", "[1]"])).status, exitCodes.notFound);
    });
  });

  describe("probe", () => {
    it("says ok of a runtime that serves, over every kind of address", async () => {
      for (const address of [
        `localhost:${runtime.port}`,
        `http://127.0.0.1:${runtime.port}`,
        `unix:${runtime.socketPath}`,
        runtime.socketPath,
      ]) {
        for (const what of [["live"], ["ready"], [], ["model", "add-one"]]) {
          const result = await modelport(["probe", ...what, "--address", address]);
          assert.deepEqual(result, { status: exitCodes.ok, stdout: "ok\n", stderr: "" });
        }
      }
    });

    it("finds the runtime of its own environment", async () => {
      const env = {
        MODELPORT_ADDRESS: "",
        ADAPTER_PORT: `${runtime.port}`,
        LISTEN_HOST: "0.0.0.0",
      };
      assert.equal((await runCli(["probe"], { env })).status, exitCodes.ok);
    });

    it("has a code for what is there and not ready, and one for silence", async () => {
      const notReady = await modelport(["probe", "model", "broken"]);
      assert.equal(notReady.status, exitCodes.notReady);
      const server = net.createServer((socket) => socket.resume());
      const port = await listen(server);
      const silent = await modelport(["probe", "-a", `localhost:${port}`, "--timeout", "0.5"]);
      assert.equal(silent.status, exitCodes.unreachable, silent.stderr);
      server.close();
    });

    it("waits for a runtime that is about to start, if told to", async () => {
      const port = await freePort();
      const probe = modelport(["probe", "-a", `127.0.0.1:${port}`, "--wait", "20"]);
      const relay = net.createServer((socket) => {
        socket.pipe(net.connect(runtime.port, "localhost")).pipe(socket);
        socket.on("error", () => {});
      });
      setTimeout(() => relay.listen(port, "127.0.0.1"), 700);
      const { status, stderr } = await probe;
      assert.equal(status, exitCodes.ok, stderr);
      relay.close();
    });
  });

  describe("version", () => {
    it("tells that of the command, and of the runtime if asked", async () => {
      const { client, server } = await json("version", "--server");
      assert.match(client.modelport, /^\d+\.\d+\.\d+/);
      const { snapshot } = await json("status");
      assert.deepEqual(server, snapshot.runtime.versions);
      assert.equal(server.node, process.versions.node);
      const { stdout } = await runCli(["--version"]);
      assert.equal(stdout.trim(), client.modelport);
    });
  });

  describe("when it cannot do what it is asked", () => {
    it("refuses what it does not know before it calls anybody", async () => {
      for (const [args, message] of [
        [
          ["nonsense"],
          /unknown command "nonsense"\n {2}expected one of serve, config, doctor, status/,
        ],
        [["status", "--nonsense"], /'--nonsense'/],
        [["status", "nonsense"], /unexpected argument "nonsense"/],
        [["load"], /MODEL is missing/],
        [["status", "--output", "xml"], /--output is "xml", expected one of text, json/],
        [["status", "--timeout", "soon"], /--timeout is "soon", expected seconds/],
        [["status", "--address", "http://a/b"], /"http:\/\/a\/b" is not an address/],
        [["status", "--ca-file", "/nowhere.pem", "-a", "https://localhost:1"], /--ca-file: ENOENT/],
        [["status", "--token-file", "t", "-a", "example.com:1"], /would be sent unencrypted/],
        [["probe", "model"], /expected `probe live`/],
        [["completion", "csh"], /unknown shell "csh"/],
      ] as const) {
        const { status, stdout, stderr } = await runCli(args);
        assert.equal(status, exitCodes.usage, `${args}: ${stderr}`);
        assert.match(stderr, message);
        assert.equal(stdout, "");
        assert.doesNotMatch(stderr, /^ {4}at /m, "no stack trace");
      }
    });

    it("says that nobody is there, and how to start somebody", async () => {
      const port = await freePort();
      for (const [address, message] of [
        [`localhost:${port}`, /nothing listens there\n {2}start one with `modelport serve`/],
        ["unix:/nowhere/modelport.sock", /the socket does not exist/],
        [`unix:${join(runtime.root, "add-one.onnx")}`, /nothing listens there|is not a socket/],
      ] as const) {
        for (const command of ["status", "probe"]) {
          const { status, stderr } = await runCli([command, "-a", address]);
          assert.equal(status, exitCodes.unreachable, stderr);
          assert.match(stderr, message);
        }
      }
    });

    it("says that TLS is spoken to one who does not", async () => {
      const address = `https://localhost:${runtime.port}`;
      const { status, stderr } = await runCli(["status", "-a", address]);
      assert.equal(status, exitCodes.unreachable);
      assert.match(
        stderr,
        /wrong version number .*\n {2}the server probably does not use TLS: try http:/,
      );
    });
  });
});

async function listen(server: net.Server): Promise<number> {
  server.listen(0, "localhost");
  await once(server, "listening");
  return (server.address() as net.AddressInfo).port;
}

/** One on which nobody listens. */
async function freePort(): Promise<number> {
  const server = net.createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A file of numpy.save, format 1.0. */
function npy(descr: string, shape: string, data: Float64Array): Buffer {
  const fields = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;
  const header = `${fields.padEnd(117)}\n`;
  const start = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, header.length, 0]);
  return Buffer.concat([start, Buffer.from(header), Buffer.from(data.buffer)]);
}
