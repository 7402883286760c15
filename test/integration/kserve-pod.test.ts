import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { parse } from "yaml";
import { callRest, type RestCall } from "../support/clients/rest-calls.ts";
import type { StandardRuntime } from "../support/docs/kserve-standard-rules.ts";
import { junk } from "../support/models/failing-models.ts";
import { addConstant, twoInputsTwoOutputs } from "../support/models/simple-models.ts";
import { projectRoot, type Served, startServed } from "../support/servers/served.ts";
import { xgboostJson } from "../support/trees/xgboost-json.ts";
import { waitFor } from "../support/wait-for.ts";

const run = promisify(execFile);
const deploy = join(projectRoot, "deploy/kserve");

/** The runtime in a file of deploy/kserve, its arguments as KServe gives them to the pod of `name`, with the model's
 *  folder elsewhere, and its probes. */
async function runtimeOf(file: string, { name, models }: { name: string; models: string }) {
  const { spec } = parse(await readFile(join(deploy, file), "utf8")) as StandardRuntime;
  const [container = assert.fail("no container")] = spec.containers;
  const args = container.args
    // The test has a port of its own.
    .filter((arg) => !/^--(?:host|port)=/.test(arg))
    .map((arg) => arg.replace("{{.Name}}", name).replace("/mnt/models", models));
  const probe = (of: "startupProbe" | "livenessProbe" | "readinessProbe") =>
    container[of]?.httpGet?.path ?? assert.fail(`no ${of}`);
  return { args, live: probe("livenessProbe"), ready: probe("readinessProbe") };
}

describe("a pod of KServe's Standard mode", () => {
  let root: string;
  let served: Served;
  let ready: string;
  let live: string;
  /** What Vertex AI gives to a container, beside the flags of KServe. */
  const vertex = {
    AIP_MODE: "PREDICTION",
    AIP_HEALTH_ROUTE: "/v1/endpoints/12/deployedModels/34",
    AIP_PREDICT_ROUTE: "/v1/endpoints/12/deployedModels/34:predict",
  };
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "modelport-pod-"));
    await writeFile(join(root, "model.json"), xgboostJson({ leaf: 0.5, trees: 3 }));
    const runtime = await runtimeOf("standard/tabular.yaml", { name: "churn", models: root });
    ({ ready, live } = runtime);
    const env = { ...vertex, ROOT_MODEL_DIR: join(root, "work"), ENGINE_HOSTS: "1" };
    served = await startServed(runtime.args, { env });
  });
  after(async () => {
    await served?.stop();
    await rm(root, { recursive: true, force: true });
  });
  const call = (path: string, options?: RestCall) => callRest(served.port, path, options);
  const status = async (path: string) => (await call(path)).status;
  const outcome = async (path: string, options?: RestCall) => {
    const { status: code, json } = await call(path, options);
    return [code, json];
  };

  it("answers the kubelet's probes, and is ready with its model", async () => {
    assert.equal(await status(live), 200);
    await waitFor(async () => (await status(ready)) === 200, 30_000);
    assert.deepEqual(await outcome("/v2/models/churn/ready"), [
      200,
      { name: "churn", ready: true },
    ]);
    assert.deepEqual(await outcome("/v2/models"), [200, { models: ["churn"] }]);
    // Prometheus comes from outside of the pod.
    assert.equal(await status("/metrics"), 200);
  });

  it("answers KServe's router in V1 and in V2", async () => {
    const openAi = { object: "list", data: [] };
    assert.deepEqual(await outcome("/v1/models"), [200, { models: ["churn"], ...openAi }]);
    assert.deepEqual(await outcome("/v1/models/churn"), [200, { name: "churn", ready: true }]);
    const body = { instances: [[1, 2], { age: 3, income: null }] };
    const rows = { instances: [body.instances[0], [3, null]] };
    const answer = [200, { predictions: [1.5, 1.5] }];
    assert.deepEqual(await outcome("/v1/models/churn:predict", { body: rows }), answer);
    assert.deepEqual(await outcome("/v1/models/churn%3Apredict", { body: rows }), answer);
    const [code, error] = await outcome("/v1/models/churn:explain", { body: rows });
    assert.equal(code, 501);
    assert.match(JSON.stringify(error), /explainer/);
    const { status: v2, json } = await call("/v2/models/churn/infer", { body: openInference(2) });
    assert.equal(v2, 200);
    assert.deepEqual((json as Answer).outputs.at(0)?.data, [1.5, 1.5]);
  });

  it("answers TensorFlow Serving's clients in rows and in columns", async () => {
    const predict = (body: unknown) => outcome("/v1/models/churn:predict", { body });
    const both = { predictions: [1.5, 1.5], outputs: [1.5, 1.5] };
    assert.deepEqual(await predict({ signature_name: "serving_default", instances: [[1, 2]] }), [
      200,
      { predictions: [1.5] },
    ]);
    assert.deepEqual(
      await predict({
        inputs: [
          [1, 2],
          [3, 4],
        ],
      }),
      [200, both],
    );
    assert.deepEqual(await predict({ inputs: { age: [1, 3], income: [2, 4] } }), [200, both]);
    const [code] = await predict({ inputs: [[1, 2]], instances: [[1, 2]] });
    assert.equal(code, 400);
  });

  it("answers SageMaker in JSON and in CSV", async () => {
    assert.equal(await status("/ping"), 200);
    const invoke = (body: unknown, headers: Record<string, string>) =>
      call("/invocations", { body, headers });
    const json = { "content-type": "application/json" };
    for (const body of [{ instances: [[1, 2]] }, [[1, 2]]]) {
      const answer = await invoke(body, json);
      assert.deepEqual([answer.status, answer.json], [200, { predictions: [1.5] }]);
    }
    const v2 = await invoke(openInference(1), json);
    assert.equal((v2.json as Answer).model_name, "churn");
    assert.deepEqual((v2.json as Answer).outputs.at(0)?.data, [1.5]);
    const csv = { "content-type": "text/csv" };
    for (const body of ["1,2\n3,\n", "income,age\r\n2,1\r\n,3\r\n"]) {
      const answer = await invoke(body, csv);
      assert.equal(answer.headers.get("content-type"), "text/csv; charset=utf-8");
      assert.equal(answer.bytes.toString(), "1.5\n1.5\n");
      const asJson = await invoke(body, { ...csv, accept: "application/json" });
      assert.deepEqual(asJson.json, { predictions: [1.5, 1.5] });
    }
    const long = await invoke("1,2\n".repeat(100_000), csv);
    assert.equal(long.bytes.toString(), "1.5\n".repeat(100_000), "read in another thread");
    const refused: [body: string, headers: Record<string, string>, status: number, why: RegExp][] =
      [
        ["1,2\n1,x\n", csv, 400, /row 2, column 2 of the CSV is \\"x\\", expected a number/],
        ["1,2\n1\n", csv, 400, /row 2 of the CSV has 1 cells, and the first one has 2/],
        ["", csv, 400, /has no rows/],
        ["1 2", { "content-type": "text/libsvm" }, 415, /expected application\/json or text\/csv/],
        [
          "1,2",
          { ...csv, accept: "application/x-recordio" },
          406,
          /application\/json or text\/csv/,
        ],
      ];
    for (const [body, headers, code, why] of refused) {
      const answer = await invoke(body, headers);
      assert.equal(answer.status, code, body);
      assert.match(JSON.stringify(answer.json), why);
    }
  });

  it("answers Vertex AI at the paths that it has chosen", async () => {
    assert.equal(await status(vertex.AIP_HEALTH_ROUTE), 200);
    const body = { instances: [[1, 2]], parameters: { confidence: 1 } };
    const answer = [200, { predictions: [1.5] }];
    assert.deepEqual(await outcome(vertex.AIP_PREDICT_ROUTE, { body }), answer);
    assert.equal(await status(vertex.AIP_PREDICT_ROUTE), 405);
  });

  it("is not ready without its model, and is ready again with it", async () => {
    const repository = (what: string) => call(`/v2/repository/models/churn/${what}`, { body: {} });
    assert.equal((await repository("unload")).status, 200);
    for (const path of [ready, "/ping", vertex.AIP_HEALTH_ROUTE]) {
      assert.equal(await status(path), 503, path);
    }
    assert.equal(await status(live), 200);
    assert.equal((await repository("load")).status, 200);
    for (const path of [ready, "/ping", vertex.AIP_HEALTH_ROUTE]) {
      assert.equal(await status(path), 200, path);
    }
  });
});

interface Answer {
  readonly model_name: string;
  readonly outputs: readonly { readonly data: readonly number[] }[];
}

function openInference(rows: number) {
  const data = Array.from({ length: 2 * rows }, (_, at) => at);
  return { inputs: [{ name: "input-0", datatype: "FP32", shape: [rows, 2], data }] };
}

describe("a server of named models", () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "modelport-named-"));
    for (const [file, bytes] of Object.entries({
      "add/1/model.onnx": addConstant(1),
      "add/2/model.onnx": addConstant(2),
      "two.onnx": twoInputsTwoOutputs(),
      "broken/model.onnx": junk(500),
    })) {
      await mkdir(join(root, file, ".."), { recursive: true });
      await writeFile(join(root, file), bytes);
    }
  });
  after(() => rm(root, { recursive: true, force: true }));
  const named = (...pairs: [name: string, path: string][]) =>
    pairs.flatMap(([name, path]) => ["--model-name", name, "--model-path", join(root, path)]);

  it("serves each by the whole rule of model directories, and says where one model is meant", async () => {
    const env = { ENGINE_HOSTS: "1" };
    const served = await startServed(named(["sum", "add"], ["pair", "two.onnx"]), { env });
    try {
      await waitFor(
        async () => (await callRest(served.port, "/v2/health/ready")).status === 200,
        30_000,
      );
      const predict = async (path: string, body: unknown) =>
        (await callRest(served.port, path, { body })).json;
      const instances = [[1, 2, 3, 4]];
      assert.deepEqual(await predict("/v1/models/sum:predict", { instances }), {
        predictions: [[3, 4, 5, 6]],
      });
      assert.deepEqual(await predict("/v1/models/sum/versions/1:predict", { instances }), {
        predictions: [[2, 3, 4, 5]],
      });
      const { status, json } = await callRest(served.port, "/invocations", { body: { instances } });
      assert.equal(status, 400);
      assert.match(JSON.stringify(json), /has 2 \(sum, pair\): call \/v1\/models\/NAME:predict/);
    } finally {
      await served.stop();
    }
  });

  it("ends with the reason if one cannot be loaded", async () => {
    const pairs = named(["sum", "add"], ["bad", "broken"], ["none", "nothing"]);
    const served = await startServed(pairs, { env: { ENGINE_HOSTS: "1" } });
    assert.equal(await served.exited, 1);
    assert.match(served.complaints(), /model 'bad' at \S+\/broken did not load: .*ONNX/);
    assert.match(
      served.complaints(),
      /model 'none' at \S+\/nothing did not load: .*does not exist/,
    );
  });

  it("refuses names and paths that do not belong together", async () => {
    // After "serve" once more, with which SageMaker starts every image.
    const flags = ["src/modelport.js", "serve", "serve", "--port=x"];
    const { stderr } = await run(process.execPath, flags, { cwd: projectRoot }).then(
      () => assert.fail("it started"),
      (error: { stderr: string }) => error,
    );
    assert.match(stderr, /^modelport: --port is "x", expected an integer from 0/);
    await assert.rejects(
      startServed([...named(["a", "add"]), "--model-name", "b"]),
      /2 models and --model-path 1 path/,
    );
    await assert.rejects(startServed(named(["a", "add"], ["a", "two.onnx"])), /names 'a' twice/);
  });
});

describe("a pod of KServe's agent", () => {
  let root: string;
  let served: Served;
  let ready: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "modelport-agent-"));
    await mkdir(join(root, "models"));
    const runtime = await runtimeOf("agent/serving-runtime.yaml", {
      name: "",
      models: join(root, "models"),
    });
    ({ ready } = runtime);
    await writeFile(join(root, "one.onnx"), addConstant(1));
    await writeFile(join(root, "ten.onnx"), addConstant(10));
    served = await startServed(runtime.args, {
      env: { ROOT_MODEL_DIR: join(root, "work"), ENGINE_HOSTS: "1" },
    });
  });
  after(async () => {
    await served?.stop();
    await rm(root, { recursive: true, force: true });
  });
  const folder = (name: string) => join(root, "models", name);
  /** The agent's own calls, with its body. */
  const ask = async (name: string, what: "load" | "unload") =>
    (
      await callRest(served.port, `/v2/repository/models/${name}/${what}`, {
        body: "{}",
        headers: { "content-type": "application/json" },
      })
    ).status;
  /** As the agent does for a TrainedModel that is new: its file, the mark of a whole download, the call. */
  async function add(name: string, model: string): Promise<number> {
    await mkdir(folder(name), { recursive: true });
    await copyFile(join(root, model), join(folder(name), "model.onnx"));
    const spec = { storageUri: `s3://models/${name}`, framework: "onnx", memory: "64Mi" };
    await writeFile(join(folder(name), `SUCCESS.${"ab".repeat(32)}`), JSON.stringify(spec));
    return await ask(name, "load");
  }
  /** The files go first. */
  async function remove(name: string): Promise<number> {
    await rm(folder(name), { recursive: true });
    return await ask(name, "unload");
  }
  const added = async (name: string) => {
    const { status, json } = await callRest(served.port, `/v1/models/${name}:predict`, {
      body: { instances: [[0, 0, 0, 0]] },
    });
    return status === 200 ? (json as { predictions: number[][] }).predictions[0]?.[0] : status;
  };

  it("is ready without models, and loads and unloads those of the agent", async () => {
    await waitFor(async () => (await callRest(served.port, ready)).status === 200, 30_000);
    assert.equal(await add("a", "one.onnx"), 200);
    assert.equal(await add("b", "ten.onnx"), 200);
    assert.deepEqual([await added("a"), await added("b")], [1, 10]);
    assert.equal(await remove("a"), 200);
    assert.equal(await added("a"), 404);
    assert.deepEqual([await added("b"), (await callRest(served.port, ready)).status], [10, 200]);
  });

  it("replaces a model whose place has changed: the agent removes it and adds it again", async () => {
    assert.equal(await add("c", "one.onnx"), 200);
    assert.equal(await remove("c"), 200);
    assert.equal(await add("c", "ten.onnx"), 200);
    assert.equal(await added("c"), 10);
  });

  it("refuses a load without files, which the agent writes to its log", async () => {
    assert.equal(await ask("nobody", "load"), 404);
    assert.equal(await ask("nobody", "unload"), 404);
  });
});
