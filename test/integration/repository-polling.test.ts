import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { RuntimeWatchService } from "../../gen/modelport/v1/runtime_watch_pb.ts";
import { runCli } from "../support/clients/run-cli.ts";
import { junk } from "../support/models/failing-models.ts";
import { addConstant } from "../support/models/simple-models.ts";
import { type Served, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

const zeros = { name: "x", datatype: "FP32", shape: [1, 4], data: [0, 0, 0, 0] };

describe("a polled repository of the whole program", { timeout: 180_000 }, () => {
  let root: string;
  let served: Served;
  const put = async (name: string, bytes: Uint8Array | string) => {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), bytes);
  };
  const post = async (path: string, body: object) => {
    const response = await fetch(`http://localhost:${served.port}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  /** What the version that answers adds to zero. */
  const added = async (model: string, version = "") => {
    const tail = version === "" ? "" : `/versions/${version}`;
    const { status, body } = await post(`/v2/models/${model}${tail}/infer`, { inputs: [zeros] });
    if (status !== 200) return `${status} ${JSON.stringify(body)}`;
    return (body["outputs"] as { data: number[] }[])[0]?.data[0];
  };
  const watched = () =>
    createClient(RuntimeWatchService, transport())
      .getSnapshot({})
      .then(({ snapshot }) => snapshot);
  const transport = () => createGrpcTransport({ baseUrl: `http://localhost:${served.port}` });

  before(async () => {
    root = await mkdtemp(join(tmpdir(), "modelport-polled-"));
    await put("m/1/model.onnx", addConstant(1));
    await put("m/2/model.onnx", addConstant(2));
    await put("m/modelport.json", '{"version_aliases": {"stable": 1, "canary": 2}}');
    // As Kubernetes mounts a ConfigMap.
    await put("..one/model.onnx", addConstant(10));
    await put("..two/model.onnx", addConstant(20));
    await symlink("..one", join(root, "..data"));
    await mkdir(join(root, "linked"));
    await symlink("../..data/model.onnx", join(root, "linked/model.onnx"));
    const flags = ["--model-repository", root, "--repository-poll-seconds", "0.1"];
    served = await startServed([...flags, "--engine-hosts", "1"]);
    await waitFor(async () => (await added("m")) === 2);
  });
  after(async () => {
    await served?.stop();
    await rm(root, { recursive: true, force: true });
  });

  it("answers by aliases wherever a version can be said", async () => {
    assert.equal(await added("m", "stable"), 1);
    assert.equal(await added("m", "canary"), 2);
    const instances = { instances: [[0, 0, 0, 0]] };
    const firstOf = (body: Record<string, unknown>) => (body["predictions"] as number[][])[0]?.[0];
    for (const path of ["versions/stable", "labels/stable"]) {
      const { body } = await post(`/v1/models/m/${path}:predict`, instances);
      assert.equal(firstOf(body), 1, path);
    }
    const client = createClient(GRPCInferenceService, transport());
    const { modelVersion, rawOutputContents } = await client.modelInfer({
      modelName: "m",
      modelVersion: "stable",
      inputs: [{ name: "x", datatype: "FP32", shape: [1n, 4n] }],
      rawInputContents: [new Uint8Array(16)],
    });
    assert.equal(modelVersion, "1");
    assert.equal(Buffer.from(rawOutputContents[0] ?? []).readFloatLE(0), 1);
    assert.equal((await client.modelReady({ name: "m", version: "canary" })).ready, true);
    assert.deepEqual((await client.modelMetadata({ name: "m", version: "stable" })).versions, [
      "1",
      "2",
    ]);
    const { status, body } = await post("/v2/models/m/versions/best/infer", { inputs: [zeros] });
    assert.equal(status, 400);
    assert.match(
      String(body["error"]),
      /'best' of model 'm' is not served: it has 1 \(stable\), 2 \(canary\)/,
    );
    const cli = (...args: string[]) => runCli([...args, "--address", `localhost:${served.port}`]);
    const infer = await cli("infer", "m", "[[0,0,0,0]]", "--model-version", "stable");
    assert.match(infer.stdout, /1/);
    assert.match((await cli("models")).stdout, /^m +1 \(stable\) +ready/m);
    assert.match((await cli("status")).stdout, /^repository +polled every 100 ms, read .* ago in/m);
  });

  it("loses no request while versions, files, aliases and links change", async () => {
    const failures: unknown[] = [];
    const answers = new Set<unknown>();
    let isOver = false;
    const ask = async (model: string, version: string) => {
      while (!isOver) {
        const answer = await added(model, version);
        if (typeof answer === "number") answers.add(answer);
        else failures.push(answer);
      }
    };
    const clients = [ask("m", ""), ask("m", "stable"), ask("linked", "")];
    try {
      // A new version, which becomes the stable one; the policy then drops the first.
      await put("m/3/model.onnx", addConstant(3));
      await waitFor(async () => (await added("m")) === 3);
      const settings = {
        version_policy: { latest: { num_versions: 2 } },
        version_aliases: { stable: 3 },
      };
      await put("_settings", JSON.stringify(settings));
      await rename(join(root, "_settings"), join(root, "m/modelport.json"));
      await waitFor(async () => (await added("m", "stable")) === 3);
      await waitFor(async () => typeof (await added("m", "1")) === "string");
      const config = await fetch(`http://localhost:${served.port}/v2/models/m/config`);
      const { version_policy } = (await config.json()) as Record<string, unknown>;
      assert.deepEqual(version_policy, { latest: { num_versions: 2 } });
      // Other files of the same version, by rename.
      await put("_model.onnx", addConstant(30));
      await rename(join(root, "_model.onnx"), join(root, "m/3/model.onnx"));
      await waitFor(async () => (await added("m", "stable")) === 30);
      // A link is swapped.
      await symlink("..two", join(root, "..next"));
      await rename(join(root, "..next"), join(root, "..data"));
      await waitFor(async () => (await added("linked")) === 20);
      // A broken version.
      await put("m/4/model.onnx", junk(400));
      await waitFor(async () => {
        const { failing = [] } = (await watched())?.runtime?.repositoryPolling ?? {};
        return failing.some(({ id, reason }) => id === "m" && reason !== "");
      });
      assert.equal(await added("m"), 30);
    } finally {
      isOver = true;
      await Promise.all(clients);
    }
    assert.deepEqual(failures, []);
    for (const answer of [2, 3, 10, 20, 30, 1]) assert.ok(answers.has(answer), `${answer}`);
  });

  it("shows aliases, policy and polls to watchers and in the metrics", async () => {
    const snapshot = await watched();
    const third = snapshot?.models.find(({ id, version }) => id === "m" && version === "3");
    assert.deepEqual([third?.versionAliases, third?.versionPolicy], [["stable"], "latest 2"]);
    const polling = snapshot?.runtime?.repositoryPolling;
    assert.ok(polling !== undefined && polling.polls > 0n && polling.lastPollMs > 0n);
    assert.equal(polling.intervalMs, 100n);
    const metrics = await (await fetch(`http://localhost:${served.port}/metrics`)).text();
    assert.match(metrics, /^modelport_repository_polls_total\{outcome="success"\} [1-9]/m);
    assert.match(metrics, /^modelport_repository_models\{state="failing"\} 1$/m);
    assert.match(metrics, /^modelport_repository_last_poll_timestamp_seconds [1-9]/m);
  });

  it("follows models that come and go", async () => {
    await put("late.onnx", addConstant(5));
    await waitFor(async () => (await added("late")) === 5);
    await rm(join(root, "late.onnx"));
    await waitFor(async () => String(await added("late")).startsWith("404"));
  });
});
