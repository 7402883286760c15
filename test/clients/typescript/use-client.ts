// What somebody would write against the client that @hey-api/openapi-ts makes of /v2/openapi.json. The test
// type-checks it beside that client, as "./made", and runs it: one line of JSON for each case.
//
//   node use-client.js http://127.0.0.1:8085

import assert from "node:assert/strict";
import { argv, stdout } from "node:process";
import {
  allStatistics,
  infer,
  inferIris,
  inferVersion,
  loadModel,
  metadataIris,
  modelMetadata,
  modelNames,
  modelReady,
  modelReadyVersion,
  readyIris,
  repositoryIndex,
  serverLive,
  serverMetadata,
  serverReady,
  statisticsIris,
  type Tensor,
  unloadModel,
} from "./made";
import { client } from "./made/client.gen";

client.setConfig({ baseUrl: argv[2] ?? "" });

const x: Tensor = { name: "x", shape: [1, 4], datatype: "FP32", data: [1, 2, 3, 4] };

const cases: Readonly<Record<string, () => Promise<void>>> = {
  async "tells of the server"() {
    const { data: server } = await serverMetadata();
    assert.equal(server?.name, "modelport");
    assert(server.extensions.includes("binary_tensor_data"));
    assert.equal((await serverLive()).data?.live, true);
    assert.equal((await serverReady()).data?.ready, true);
    assert((await modelNames()).data?.models.includes("iris"));
  },

  async "tells of a model, by its own operations"() {
    assert.equal((await readyIris()).data?.ready, true);
    const { data: metadata } = await metadataIris();
    assert.deepEqual(metadata?.inputs, [
      { name: "measurements", datatype: "FP32", shape: [-1, 4] },
    ]);
    assert.equal((await statisticsIris()).data?.model_stats[0]?.name, "iris");
    assert((await allStatistics()).data?.model_stats.some(({ name }) => name === "iris"));
  },

  async "asks a model with the types of its own tensors"() {
    const { data: answer } = await inferIris({
      body: {
        id: "one",
        inputs: [
          {
            name: "measurements",
            shape: [1, 4],
            datatype: "FP32",
            data: [[6.0, 2.7, 5.1, 1.6]],
          },
        ],
        outputs: [{ name: "label" }],
      },
    });
    assert.equal(answer?.id, "one");
    // Narrowed by the name: strings, or numbers that may be null.
    const [label] = answer.outputs;
    assert(label?.name === "label");
    const labels: string[] | undefined = label.data;
    assert.deepEqual(labels, ["virginica"]);
  },

  async "is refused by the compiler what the server would refuse"() {
    const { error } = await inferIris({
      body: {
        inputs: [
          {
            // @ts-expect-error: it has no such input
            name: "measurement",
            // @ts-expect-error: of two dimensions
            shape: [4],
            // @ts-expect-error: of another datatype
            datatype: "INT64",
            data: [1, 2, 3, 4],
          },
        ],
      },
    });
    assert.match(error?.error ?? "", /measurement/);
  },

  async "asks any model, and any version of it"() {
    const body = { inputs: [x] };
    const { data: latest } = await infer({ path: { model: "add" }, body });
    assert.deepEqual([latest?.model_version, latest?.outputs[0]?.data], ["2", [3, 4, 5, 6]]);
    const older = await inferVersion({ path: { model: "add", version: "1" }, body });
    assert.deepEqual(older.data?.outputs[0]?.data, [2, 3, 4, 5]);
    const { data: metadata } = await modelMetadata({ path: { model: "add" } });
    assert.deepEqual(metadata?.versions, ["1", "2"]);
    const ready = await modelReadyVersion({ path: { model: "add", version: "1" } });
    assert.equal(ready.data?.ready, true);
  },

  async "lists, unloads and loads what the repository has"() {
    const stateOfSpare = async () => {
      const { data: rows } = await repositoryIndex({ body: {} });
      return rows?.find(({ name }) => name === "spare")?.state;
    };
    const path = { model: "spare" };
    assert.equal(await stateOfSpare(), "READY");
    assert.equal((await unloadModel({ path })).response?.status, 200);
    assert.equal(await stateOfSpare(), "UNAVAILABLE");
    const refused = await infer({ path, body: { inputs: [x] } });
    assert.equal(refused.response?.status, 404);
    assert.equal((await loadModel({ path })).error, undefined);
    assert.equal((await modelReady({ path })).data?.ready, true);
    const { data: ready } = await repositoryIndex({ body: { ready: true } });
    assert(ready?.every(({ state }) => state === "READY"));
  },

  async "has every failure as the one type of errors"() {
    const z: Tensor = { ...x, name: "z" };
    const wrong = await infer({ path: { model: "add" }, body: { inputs: [z] } });
    assert.equal(wrong.response?.status, 400);
    assert.match(wrong.error?.error ?? "", /input 'z' is unknown/);
    assert.equal(wrong.data, undefined);
    const missing = [
      await infer({ path: { model: "no/such model" }, body: { inputs: [x] } }),
      await modelMetadata({ path: { model: "no/such model" } }),
      await loadModel({ path: { model: "no/such model" } }),
    ];
    for (const { error, response } of missing) {
      assert([400, 404].includes(response?.status ?? 0), `${response?.status}`);
      assert.match(error?.error ?? "", /no\/such model/);
    }
  },
};

for (const [name, run] of Object.entries(cases)) {
  let detail = "";
  try {
    await run();
  } catch (error) {
    detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const outcome = detail === "" ? "passed" : "failed";
  stdout.write(`${JSON.stringify({ name, outcome, detail })}\n`);
}
