import assert from "node:assert/strict";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createLogger } from "../../src/observe/log.ts";
import { createSigning } from "../../src/signing/create-signing.ts";
import { runCli } from "../support/clients/run-cli.ts";
import { FileServer } from "../support/fakes/file-server.ts";
import { addConstant } from "../support/models/simple-models.ts";
import { type Runtime, startRuntime } from "../support/servers/runtime.ts";
import { type Served, startServed } from "../support/servers/served.ts";
import {
  goldenKey,
  goldenSignature,
  goldens,
  putGolden,
  TestSigner,
} from "../support/signing/signed-models.ts";
import { waitFor } from "../support/wait-for.ts";

const forever = new AbortController().signal;

describe("a runtime that requires signatures", { timeout: 300_000 }, () => {
  let folder = "";
  let runtime: Runtime;
  const signer = new TestSigner();
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "modelport-signed-"));
    mkdirSync(join(folder, "keys"));
    signer.writeKey(join(folder, "keys", "test.pub"));
    cpSync(goldenKey("p256.pub"), join(folder, "keys", "golden.pub"));
    const settings = { mode: "require", trusted: [join(folder, "keys")] } as const;
    const directory = join(folder, "copies");
    const signing = createSigning({ ...settings, directory }, createLogger("silent"));
    await signing.open();
    runtime = await startRuntime({ signing, engineHosts: 1 });
  });
  after(async () => {
    await runtime?.close();
    const left = readdirSync(folder, { recursive: true }).filter((name) =>
      /copies.process/.test(`${name}`),
    );
    await rm(folder, { recursive: true, force: true });
    assert.deepEqual(left, [], "nothing is left of the copies");
  });

  const pathOf = (name: string) => join(runtime.root, name);
  const load = (id: string, path = id, signal: AbortSignal = forever) =>
    runtime.models.load({ id, type: "", path, key: "" }, signal);
  /** Files below the folder for copies, without signs of life. */
  const copies = () =>
    readdirSync(join(folder, "copies"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.parentPath.includes("process-"))
      .map(({ name }) => name)
      .sort();
  const rowOf = (id: string) =>
    runtime.models.watch.snapshot().rows.findLast(({ name }) => name === id);
  function putSigned(name: string, files: Readonly<Record<string, Uint8Array | string>>): void {
    for (const [file, content] of Object.entries(files)) {
      mkdirSync(join(pathOf(name), file, ".."), { recursive: true });
      writeFileSync(join(pathOf(name), file), content);
    }
    const signature = signer.sign(pathOf(name), Object.keys(files));
    writeFileSync(join(pathOf(name), "model.sig"), signature);
  }
  async function answerOf(id: string): Promise<number[]> {
    const x = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
    const inputs = [{ name: "x", datatype: "FP32", shape: [1, 4], data: x }] as const;
    const { outputs } = await runtime.models.infer(
      id,
      { version: "", inputs, outputs: [] },
      forever,
    );
    const [y] = outputs;
    assert.ok(y?.data instanceof Uint8Array);
    return [...new Float32Array(y.data.slice().buffer)];
  }

  it("loads what the official tool has signed, with its settings, and says by whom", async () => {
    putGolden(pathOf("golden"), "p256-sha256");
    assert.equal((await load("golden")).maxConcurrency, 7);
    const { state, signer: name } = rowOf("golden")?.signature ?? {};
    assert.equal(state, "verified");
    assert.match(name ?? "", /^key golden\.pub/);
    assert.deepEqual(copies(), ["empty.txt", "long.txt", "model.onnx", "modelport.json"]);
    await runtime.models.unload("golden");
    assert.deepEqual(copies(), []);
  });

  it("refuses unsigned, changed and extended models, and leaves nothing behind", async () => {
    putGolden(pathOf("unsigned"), "p256-sha256");
    rmSync(join(pathOf("unsigned"), "model.sig"));
    putGolden(pathOf("changed"), "p256-sha256");
    writeFileSync(join(pathOf("changed"), "modelport.json"), "{}");
    putGolden(pathOf("extended"), "p256-sha256");
    mkdirSync(join(pathOf("extended"), "2"));
    writeFileSync(join(pathOf("extended"), "2", "model.onnx"), addConstant(9));
    const refusal = (message: RegExp) => ({ kind: "failed-precondition", message });
    await assert.rejects(
      load("unsigned"),
      refusal(/'unsigned' is not verified, which MODEL_SIGNING requires: there is no signature/),
    );
    await assert.rejects(
      load("changed"),
      refusal(/modelport\.json is not the file that was signed/),
    );
    await assert.rejects(load("extended"), refusal(/it does not list 2\/model\.onnx/));
    assert.deepEqual(copies(), []);
    assert.equal(rowOf("changed")?.signature?.state, "refused");
  });

  it("serves the bytes that were checked, whatever becomes of the files at any moment of the load", async () => {
    putSigned("swapped", { "model.onnx": addConstant(1) });
    const file = join(pathOf("swapped"), "model.onnx");
    const evil = addConstant(666);
    const good = addConstant(1);
    let loads = 0;
    for (let round = 0; round < 30; round++) {
      writeFileSync(file, good);
      const loading = load("swapped").then(
        () => true,
        () => false,
      );
      // In place, and by another file of the name, at another moment each time.
      const isCopied = () => copies().includes("model.onnx");
      for (let turn = 0; turn < round * 20; turn++) await new Promise(setImmediate);
      if (round % 3 === 0) while (!isCopied()) await new Promise(setImmediate);
      if (round % 2 === 0) writeFileSync(file, evil);
      else {
        writeFileSync(`${file}.new`, evil);
        renameSync(`${file}.new`, file);
      }
      if (!(await loading)) continue;
      loads++;
      assert.deepEqual(await answerOf("swapped"), [2, 3, 4, 5]);
      await runtime.models.unload("swapped");
    }
    assert.ok(loads > 0, "some swaps came when the copy was made");
    writeFileSync(file, good);
    await load("swapped");
    writeFileSync(file, evil);
    assert.deepEqual(await answerOf("swapped"), [2, 3, 4, 5]);
    const pid = runtime.models.hostPidOf("swapped");
    process.kill(pid ?? 0, "SIGKILL");
    assert.deepEqual(await answerOf("swapped"), [2, 3, 4, 5], "loaded again from the copy");
    await runtime.models.unload("swapped");
    assert.deepEqual(copies(), []);
  });

  it("takes the signature of a version, and of the folder around all versions", async () => {
    putSigned("each/1", { "model.onnx": addConstant(1) });
    putSigned("each/2", { "model.onnx": addConstant(2) });
    await load("each");
    assert.deepEqual(await answerOf("each"), [3, 4, 5, 6]);
    putSigned("all", { "1/model.onnx": addConstant(1), "2/model.onnx": addConstant(2) });
    await load("all");
    assert.deepEqual(await answerOf("all"), [3, 4, 5, 6]);
    await load("all-1", "all/1");
    assert.deepEqual(await answerOf("all-1"), [2, 3, 4, 5]);
  });

  it("refuses settings beside what was signed, which would have an effect without it", async () => {
    putSigned("aside/1", { "model.onnx": addConstant(1) });
    writeFileSync(join(pathOf("aside"), "modelport.json"), '{"max_concurrency": 1}');
    await assert.rejects(
      load("aside"),
      /does not cover the model's settings in .*aside\/modelport\.json: sign the folder/,
    );
    cpSync(join(goldens, "model", "model.onnx"), pathOf("single.onnx"));
    cpSync(goldenSignature("single-file"), pathOf("single.onnx.sig"));
    await load("single", "single.onnx");
    await runtime.models.unload("single");
    writeFileSync(pathOf("single.modelport.json"), '{"max_concurrency": 1}');
    await assert.rejects(load("single", "single.onnx"), /does not cover the model's settings/);
  });

  it("loads signed models of other libraries, and signed text models", async () => {
    const tree = readFileSync(join(goldens, "../trees/xgboost/absolute-3.4.1.json"));
    putSigned("tree", { "model.json": tree });
    await load("tree");
    assert.equal(rowOf("tree")?.signature?.state, "verified");
    const text = join(goldens, "../text/bert-embedding");
    const files = readdirSync(text, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(text.length + 1));
    const contents = files.map((name) => [name, readFileSync(join(text, name))]);
    putSigned("text", Object.fromEntries(contents));
    await load("text");
    assert.equal(rowOf("text")?.signature?.state, "verified");
    writeFileSync(join(pathOf("text"), "vocab.txt"), "added");
    await assert.rejects(load("text-2", "text"), /it does not list vocab\.txt/);
  });

  it("loads a model again with keys that came later, and none with keys that are gone", async () => {
    putGolden(pathOf("later"), "p384-blake2b");
    await assert.rejects(load("later"), /which is not among the 2 trusted keys/);
    const key = join(folder, "keys", "later.pub");
    cpSync(goldenKey("p384.pub"), key);
    await load("later");
    await runtime.models.unload("later");
    rmSync(key);
    await assert.rejects(load("later"), /which is not among the 2 trusted keys/);
  });

  it("stops a check with its load, and removes what was copied", async () => {
    const big = Buffer.alloc(64 * 1024 * 1024);
    putSigned("big", { "model.onnx": addConstant(1), "weights.bin": big });
    const client = new AbortController();
    const loading = load("big", "big", client.signal);
    await waitFor(() => copies().includes("weights.bin"));
    client.abort(new Error("gone"));
    await assert.rejects(loading, /gone|cancelled|left/);
    await waitFor(() => rowOf("big")?.history.at(-1)?.state === "failed");
    await waitFor(() => !copies().includes("weights.bin"));
    rmSync(pathOf("big"), { recursive: true });
  });
});

describe("modelport serve with MODEL_SIGNING", { timeout: 300_000 }, () => {
  let folder = "";
  let served: Served | undefined;
  const logged: Record<string, unknown>[] = [];
  const signer = new TestSigner();
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "modelport-warned-"));
    const models = join(folder, "models");
    mkdirSync(models);
    putGolden(join(models, "good"), "certificate-whole");
    putGolden(join(models, "unknown"), "p256-sha256");
    putGolden(join(models, "none"), "p256-sha256");
    rmSync(join(models, "none", "model.sig"));
    const key = signer.writeKey(join(folder, "own.pub"));
    served = await startServed(
      [
        ...["--model-repository", models, "--model-signing", "warn"],
        ...["--model-signing-keys", [goldenKey("root.crt"), key].join(delimiter)],
        ...["--pull-dir", join(folder, "pulled"), "--engine-hosts", "1"],
      ],
      { logged: (line) => void logged.push(line) },
    );
    await waitFor(async () => (await get("/v2/health/ready")).status === 200);
  });
  after(async () => {
    await served?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const get = (path: string, method = "GET") =>
    fetch(`http://127.0.0.1:${served?.port}${path}`, { method });

  it("warns of models that are not verified, and serves them all the same", async () => {
    for (const name of ["good", "unknown", "none"]) {
      assert.equal((await get(`/v2/models/${name}/ready`)).status, 200, name);
    }
    const of = (message: string) => logged.filter(({ msg }) => msg === message);
    const [good] = of("model verified");
    assert.equal(good?.["modelId"], "good");
    assert.equal(good["signer"], "certificate CN=Signer of models");
    const doubts = of("model not verified").map(({ modelId, verdict }) => [modelId, verdict]);
    assert.deepEqual(doubts.sort(), [
      ["none", "unsigned"],
      ["unknown", "refused"],
    ]);
  });

  it("tells it in the index, the metrics and the command line", async () => {
    const index = (await (await get("/v2/repository/index", "POST")).json()) as {
      name: string;
      reason?: string;
    }[];
    const reasons = Object.fromEntries(index.map(({ name, reason }) => [name, reason ?? ""]));
    assert.equal(reasons["good"], "");
    assert.match(reasons["none"] ?? "", /^not verified: there is no signature/);
    assert.match(
      reasons["unknown"] ?? "",
      /^not verified: signature .* not among the 1 trusted keys/,
    );
    const metrics = await (await get("/metrics")).text();
    for (const [outcome, count] of [
      ["verified", 1],
      ["unsigned", 1],
      ["refused", 1],
    ]) {
      assert.match(
        metrics,
        new RegExp(`modelport_model_signatures_total\\{outcome="${outcome}"\\} ${count}`),
      );
    }
    const { stdout } = await runCli(["models", "good", "--address", `localhost:${served?.port}`]);
    assert.match(stdout, /signature +verified: certificate CN=Signer of models/);
  });

  it("verifies what it pulls, with the signature beside a single file", async () => {
    const store = new FileServer();
    await store.listen();
    const model = addConstant(1);
    writeFileSync(join(folder, "model.onnx"), model);
    const signature = signer.sign(folder, ["model.onnx"], (statement) => {
      const { predicate } = statement as { predicate: { resources: { name: string }[] } };
      Object.assign(predicate.resources[0] ?? {}, { name: "." });
    });
    store.put("/model.onnx.sig", Buffer.from(signature));
    const load = async (modelId: string, modelPath: string) => {
      const response = await fetch(
        `http://127.0.0.1:${served?.port}/mmesh.ModelRuntime/loadModel`,
        {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ modelId, modelPath, modelType: "mt:onnx" }),
        },
      );
      assert.equal(response.status, 200, await response.text());
      return logged.findLast((line) => line["modelId"] === modelId && "verifyMs" in line);
    };
    try {
      const good = await load("pulled", store.put("/model.onnx", Buffer.from(model)));
      assert.match(`${good?.["msg"]} ${good?.["signer"]}`, /^model verified key own\.pub/);
      const bad = await load("changed", store.put("/model.onnx", Buffer.from(addConstant(2))));
      assert.equal(bad?.["msg"], "model not verified");
      assert.match(`${bad["reason"]}`, /model\.onnx is not the file that was signed/);
    } finally {
      await store.close();
    }
  });

  it("does not start without anything to trust", async () => {
    const none = await runCli(["serve", "--model-signing", "require", "--port", "0"]);
    assert.equal(none.status, 1);
    assert.match(none.stderr, /MODEL_SIGNING is require, which needs MODEL_SIGNING_KEYS/);
    const missing = await runCli([
      "serve",
      "--model-signing",
      "require",
      "--model-signing-keys",
      join(folder, "no.pub"),
      "--port",
      "0",
    ]);
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /MODEL_SIGNING_KEYS: .*no\.pub is not used: ENOENT/);
  });
});
