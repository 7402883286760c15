import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { ErrorKind } from "../../src/base/errors.ts";
import { callRest, type RestCall } from "../support/clients/rest-calls.ts";
import { startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";
import { failsAtRun, junk } from "../support/models/failing-models.ts";
import { slowLoop } from "../support/models/heavy-models.ts";
import { addOne } from "../support/models/simple-models.ts";
import { type Runtime, startRuntime } from "../support/servers/runtime.ts";
import { waitFor } from "../support/wait-for.ts";

// See not-found.test.ts: here for REST, where 404 is also the answer for paths that are not there.

const x = { name: "x", datatype: "FP32", shape: [1, 4], data: [1, 2, 3, 4] };
const good = { inputs: [x] };

// Every way in which a request for a model that is loaded can be wrong.
const wrong: Record<string, unknown> = {
  "no JSON": '{"inputs":',
  "no object": [],
  "no inputs": {},
  "no input": { inputs: [] },
  "an unknown input": { inputs: [{ ...x, name: "z" }] },
  "an input twice": { inputs: [x, x] },
  "one input too many": { inputs: [x, { ...x, name: "z" }] },
  "an unknown datatype": { inputs: [{ ...x, datatype: "FLOAT" }] },
  "another datatype": { inputs: [{ ...x, datatype: "INT32" }] },
  "a datatype without a form in JSON": { inputs: [{ ...x, datatype: "FP16" }] },
  "elements of another datatype": { inputs: [{ ...x, data: ["one", "two", "three", "four"] }] },
  "too few elements": { inputs: [{ ...x, data: [1] }] },
  "another rank": { inputs: [{ ...x, shape: [4] }] },
  "another shape": { inputs: [{ ...x, shape: [1, 5], data: [1, 2, 3, 4, 5] }] },
  "a negative dimension": { inputs: [{ ...x, shape: [-1, 4] }] },
  "a shape beyond counting": { inputs: [{ ...x, shape: [2 ** 52, 2 ** 52] }] },
  "bytes that are not there": {
    inputs: [{ ...x, data: undefined, parameters: { binary_data_size: 16 } }],
  },
  "an unknown output": { ...good, outputs: [{ name: "z" }] },
  "an output twice": { ...good, outputs: [{ name: "y" }, { name: "y" }] },
  "a timeout that is none": { ...good, parameters: { timeout: "soon" } },
};

/** Every path below /v2 with the name of a model, and how it is called. */
function callsFor(model: string): readonly [string, RestCall][] {
  const name = encodeURIComponent(model);
  return ["", "/versions/1"].flatMap((version): [string, RestCall][] => [
    [`/v2/models/${name}${version}`, {}],
    [`/v2/models/${name}${version}/ready`, {}],
    [`/v2/models/${name}${version}/stats`, {}],
    [`/v2/models/${name}${version}/config`, {}],
    [`/v2/models/${name}${version}/infer`, { body: good }],
  ]);
}

describe("404 of REST", () => {
  const cleanup = suiteCleanup();
  let runtime: Runtime;
  before(async () => {
    runtime = await startRuntime({ servesRoot: true });
    cleanup.after(() => runtime.close());
    await runtime.put("m.onnx", addOne());
    await runtime.put("fails.onnx", failsAtRun());
    await runtime.put("slow.onnx", slowLoop());
    await runtime.put("junk.onnx", junk(1000));
    for (const id of ["m", "fails", "slow"]) await load(id, `${id}.onnx`);
  });
  const load = (id: string, path: string) =>
    runtime.models.load({ id, path, type: "", key: "" }, AbortSignal.timeout(60_000));

  /** The status of the answer; fails if an error does not say why. */
  async function statusAt(port: number, path: string, options: RestCall = {}): Promise<number> {
    const { status, json } = await callRest(port, path, options);
    if (status === 200) return status;
    const { error } = json as { error: unknown };
    assert.ok(typeof error === "string" && error !== "", path);
    return status;
  }
  const statusOf = (path: string, options?: RestCall) => statusAt(runtime.port, path, options);
  const infer = (model: string, body: unknown) => statusOf(`/v2/models/${model}/infer`, { body });

  async function assertStatuses(model: string, status: number): Promise<void> {
    for (const [path, options] of callsFor(model)) {
      assert.equal(await statusOf(path, options), status, path);
    }
  }

  it("is the answer for a model that was never loaded, at every path, whatever its name", async () => {
    for (const id of ["nobody", "größe/模型 ☃", "m ", "M", "...", "m\x001", "Model x not found"]) {
      await assertStatuses(id, 404);
    }
  });

  it("comes before any look at the tensors", async () => {
    for (const body of [{ inputs: [] }, { inputs: [{ ...x, name: "z" }] }]) {
      assert.equal(await infer("nobody", body), 404);
    }
  });

  it("is the answer for a model that was unloaded, or whose load failed", async () => {
    await load("gone", "m.onnx");
    assert.equal(await infer("gone", good), 200);
    await runtime.models.unload("gone");
    await assertStatuses("gone", 404);
    await assert.rejects(load("broken", "junk.onnx"));
    await assertStatuses("broken", 404);
  });

  it("is the answer for a model that the repository does not have, or that is not loaded", async () => {
    const change = (model: string, verb: string) =>
      statusOf(`/v2/repository/models/${model}/${verb}`, { method: "POST" });
    assert.equal(await change("nobody", "load"), 404);
    assert.equal(await change("nobody", "unload"), 404);
    assert.equal(await change("junk", "unload"), 404);
    assert.equal(await change("junk", "load"), 400, "it is there, but no model");
  });

  it("is the answer for a path that is not there", async () => {
    for (const path of ["/v2/nothing", "/v2/models/m/nothing", "/v2/models/m/versions/1/nothing"]) {
      assert.equal(await statusOf(path), 404, path);
    }
    for (const path of ["/v2/models/m/infer/more", "/v2/repository/models/m/nothing"]) {
      assert.equal(await statusOf(path, { body: good }), 404, path);
    }
  });

  it("is not the answer for a method that is not for the path", async () => {
    for (const path of ["/v2/models/m", "/v2/models/nobody", "/v2/models/m/ready"]) {
      assert.equal(await statusOf(path, { body: good }), 405, path);
    }
    assert.equal(await statusOf("/v2/models/nobody/infer"), 405);
    assert.equal(await statusOf("/v2/repository/models/nobody/load"), 405);
  });

  it("is not the answer for a version that is not there, of a model that is", async () => {
    for (const version of ["7", "latest", "Model x not found"]) {
      const model = `/v2/models/m/versions/${encodeURIComponent(version)}`;
      for (const path of ["", "/ready", "/stats", "/config"]) {
        assert.equal(await statusOf(`${model}${path}`), 400, `${model}${path}`);
      }
      assert.equal(await statusOf(`${model}/infer`, { body: good }), 400);
    }
  });

  for (const [what, body] of Object.entries(wrong)) {
    it(`is not the answer for ${what}`, async () => {
      assert.equal(await infer("m", body), 400);
    });
  }

  it("is not the answer for a name that is missing or malformed", async () => {
    assert.equal(await infer("", good), 400);
    assert.equal(await statusOf("/v2/models//ready"), 400);
    assert.equal(await statusOf("/v2/repository/models//load", { method: "POST" }), 400);
    assert.equal(await statusOf("/v2/models/%FF"), 400);
    assert.equal(await statusOf("/v2/models/%"), 400);
  });

  it("is not the answer for a run that fails or takes too long", async () => {
    const index = { name: "index", datatype: "INT64", shape: [1], data: [9] };
    assert.equal(await infer("fails", { inputs: [index] }), 500);
    const n = { name: "n", datatype: "INT64", shape: [1], data: [100] };
    const slow = { inputs: [x, n], parameters: { timeout: 50_000 } };
    assert.equal(await infer("slow", slow), 504);
  });

  it("is not the answer while the model is loading", async () => {
    // Its hosts are not up yet, so that the load has to wait for them.
    const young = await startRuntime();
    cleanup.after(() => young.close());
    const path = await young.put("m.onnx", addOne());
    const signal = AbortSignal.timeout(60_000);
    const loading = young.models.load({ id: "m", path, type: "", key: "" }, signal);
    await waitFor(() => young.models.modelIds.includes("m"));
    const early = await Promise.all([
      statusAt(young.port, "/v2/models/m/infer", { body: good }),
      statusAt(young.port, "/v2/models/m"),
      statusAt(young.port, "/v2/models/m/ready"),
    ]);
    assert.deepEqual(early, [503, 503, 503]);
    await loading;
  });

  it("is not the answer for any other kind of failure, whatever it says", async (t) => {
    const kinds: Record<Exclude<ErrorKind, "model-not-found">, number> = {
      "invalid-argument": 400,
      "failed-precondition": 400,
      "model-not-ready": 503,
      "over-budget": 429,
      overloaded: 429,
      cancelled: 499,
      aborted: 409,
      "deadline-exceeded": 504,
      "load-failed": 500,
      "run-failed": 500,
      "host-lost": 500,
      "temporarily-unavailable": 503,
      unauthenticated: 401,
      "permission-denied": 403,
      "shutting-down": 503,
      "illegal-transition": 500,
    };
    const fake = await startFakeServer(t);
    fake.models.failure = "Model x not found";
    const { port } = fake.address;
    for (const [kind, status] of Object.entries(kinds)) {
      const model = `/v2/models/fails-${kind}`;
      assert.equal(await statusAt(port, `${model}/infer`, { body: good }), status, kind);
    }
    assert.equal(await statusAt(port, "/v2/models/fails/infer", { body: good }), 500);
  });
});
