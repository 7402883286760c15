import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { callRest } from "../support/clients/rest-calls.ts";
import { addConstant } from "../support/models/simple-models.ts";
import { type Runtime, startRuntime } from "../support/servers/runtime.ts";
import { xgboostJson } from "../support/trees/xgboost-json.ts";

describe("KServe's V1 protocol", () => {
  let runtime: Runtime;
  before(async () => {
    runtime = await startRuntime({ engineHosts: 1 });
    await runtime.put("churn.json", xgboostJson({ leaf: 0.5, trees: 3 }));
    await runtime.put("add.onnx", addConstant(1));
    const { signal } = new AbortController();
    for (const [id, path] of [
      ["churn", "churn.json"],
      ["team:add", "add.onnx"],
    ] as const) {
      await runtime.models.load({ id, path, type: "", key: "" }, signal);
    }
  });
  after(() => runtime?.close());

  async function post(path: string, body: unknown) {
    const { status, json } = await callRest(runtime.port, path, { body });
    return { status, json };
  }
  const predict = (model: string, body: unknown) => post(`/v1/models/${model}:predict`, body);

  it("lists models, and says whether one is ready", async () => {
    const get = async (path: string) => (await callRest(runtime.port, path)).json;
    // OpenAI's list of text models, which is at the same path, has none.
    const openAi = { object: "list", data: [] };
    assert.deepEqual(await get("/v1/models"), { models: ["churn", "team:add"], ...openAi });
    assert.deepEqual(await get("/v1/models/churn"), { name: "churn", ready: true });
    const missing = await callRest(runtime.port, "/v1/models/other");
    assert.equal(missing.status, 404);
    assert.match(JSON.stringify(missing.json), /"error":"model 'other' is not loaded/);
  });

  it("predicts for rows of numbers, and of values by their columns", async () => {
    const expected = { status: 200, json: { predictions: [1.5, 1.5] } };
    const instances = [
      [41, 10],
      [52, null],
    ];
    assert.deepEqual(await predict("churn", { instances }), expected);
    const named = [
      { income: 10, age: 41 },
      { age: 52, income: null },
    ];
    assert.deepEqual(await predict("churn", { instances: named }), expected);
  });

  it("predicts for ONNX models, whose names may have colons", async () => {
    const { json } = await callRest(runtime.port, "/v2/models/team:add");
    const [input] = (json as { readonly inputs: readonly { readonly shape: number[] }[] }).inputs;
    assert.deepEqual(input?.shape, [-1, 4]);
    for (const name of ["team:add", "team%3Aadd"]) {
      const answer = await predict(name, { instances: [[1, 2, 3, 4]] });
      assert.deepEqual(answer, { status: 200, json: { predictions: [[2, 3, 4, 5]] } });
    }
    assert.equal((await post("/v1/models/churn%3Apredict", { instances: [[1, 2]] })).status, 200);
  });

  it("reads large requests in another thread", async () => {
    const instances = Array.from({ length: 30_000 }, (_, row) => [row, 0.123456]);
    const { status, json } = await predict("churn", { instances });
    assert.equal(status, 200);
    const { predictions } = json as { readonly predictions: readonly number[] };
    assert.equal(predictions.length, instances.length);
    assert.ok(predictions.every((value) => value === 1.5));
  });

  it("refuses what it does not know, with a reason", async () => {
    const cases: readonly [path: string, body: unknown, status: number, error: RegExp][] = [
      ["/v1/models/churn", { instances: [[1, 2]] }, 404, /must end in ':predict', and has no verb/],
      [
        "/v1/models/churn:explain",
        { instances: [] },
        501,
        /':explain' is not implemented: .*explainer/,
      ],
      ["/v1/models/churn:regress", { examples: [] }, 501, /':regress' is not implemented/],
      ["/v1/models/churn:fly", { instances: [] }, 404, /and ends in ':fly'/],
      ["/v1/models/other:predict", { instances: [[1, 2]] }, 404, /model 'other' is not loaded/],
      [
        "/v1/models/churn:predict",
        { instances: [[1, 2, 3]] },
        400,
        /unexpected shape .* got \[1,3\]/,
      ],
      ["/v1/models/churn:predict", {}, 400, /must have 'instances'/],
      ["/v1/nothing", {}, 404, /there is nothing at \/v1\/nothing/],
    ];
    for (const [path, body, status, error] of cases) {
      const answer = await post(path, body);
      assert.equal(answer.status, status, path);
      assert.match((answer.json as { readonly error: string }).error, error, path);
    }
  });
});
