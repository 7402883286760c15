import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { runCli } from "../support/clients/run-cli.ts";
import { type Served, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

const limitMs = 300_000;
const folder = join(import.meta.dirname, "../fixtures/onnx/exports");

describe("exported models, as clients see them", { timeout: limitMs }, () => {
  let served: Served;
  let address = "";
  before(async () => {
    served = await startServed(["--model-repository", folder]);
    address = `http://localhost:${served.port}`;
    // What is loaded is printed once it is.
    await waitFor(() => served.output().includes("Try it"));
  });
  after(() => served.stop());

  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of JSON, it compares.
  type Json = any;
  const get = async (path: string): Promise<Json> => (await fetch(`${address}${path}`)).json();
  const infer = async (model: string, inputs: readonly object[]): Promise<Json> => {
    const body = JSON.stringify({ inputs });
    const response = await fetch(`${address}/v2/models/${model}/infer`, { method: "POST", body });
    return response.json();
  };
  const input = (name: string, shape: readonly number[], data: unknown) => {
    return { name, datatype: "FP32", shape, data };
  };

  it("have the classes of their columns in REST's metadata and in gRPC's", async () => {
    const expected = { classes: '["setosa","versicolor","virginica"]' };
    const rest = await get("/v2/models/zipmap-texts");
    assert.deepEqual(rest.outputs[1], {
      name: "output_probability",
      datatype: "FP32",
      shape: [-1, 3],
      parameters: expected,
    });
    const response = await fetch(`${address}/inference.GRPCInferenceService/ModelMetadata`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "zipmap-texts" }),
    });
    const connect: Json = await response.json();
    assert.deepEqual(connect.outputs[1].parameters, {
      classes: { stringParam: expected.classes },
    });
    assert.deepEqual(rest.inputs, [{ name: "X", datatype: "FP32", shape: [-1, 4] }]);
  });

  it("take inputs of any rank where the file names none", async () => {
    const { inputs } = await get("/v2/models/unknown-rank");
    const parameters = { unknown_rank: true };
    assert.deepEqual(inputs, [{ name: "x", datatype: "FP32", shape: [], parameters }]);
    for (const [shape, data] of [
      [[], [7]],
      [[2], [1, 2]],
      [
        [1, 2, 1],
        [1, 2],
      ],
      [[0], []],
    ]) {
      const { outputs } = await infer("unknown-rank", [input("x", shape as number[], data)]);
      assert.deepEqual(outputs, [{ name: "y", datatype: "FP32", shape, data }]);
    }
    const { error } = await infer("scalar", [input("x", [2], [1, 2])]);
    assert.match(error, /unexpected shape for input 'x'/);
  });

  it("take an optional input, or do without it", async () => {
    const { inputs } = await get("/v2/models/overridable");
    const parameters = { optional: true };
    assert.deepEqual(inputs[1], { name: "k", datatype: "FP32", shape: [1], parameters });
    const x = input("x", [1, 3], [1, 2, 3]);
    const without = await infer("overridable", [x]);
    const given = await infer("overridable", [x, input("k", [1], [10])]);
    assert.deepEqual(
      [without.outputs[0].data, given.outputs[0].data],
      [
        [2, 4, 6],
        [10, 20, 30],
      ],
    );
    const { error } = await infer("overridable", [input("k", [1], [10])]);
    assert.match(error, /input 'x' is missing/);
  });

  it("give texts of their own byte for byte, in every form", async () => {
    const inputs = [
      { name: "label", datatype: "INT64", shape: [0], data: [] },
      { name: "yes", datatype: "BOOL", shape: [], data: [true] },
    ];
    const words = ["caf\xe9", "gr\xc3\xb6\xc3\x9fe", "\xff\x80\xc3", "\xf4\x8f\xbe\x80 private"];
    const base64 = words.map((word) => Buffer.from(word, "latin1").toString("base64"));
    const { outputs } = await infer("latin-texts", inputs);
    assert.deepEqual(outputs[0], {
      name: "constant",
      datatype: "BYTES",
      shape: [4],
      parameters: { content_type: "base64" },
      data: base64,
    });
    const body = JSON.stringify({
      inputs,
      outputs: [{ name: "constant", parameters: { binary_data: true } }],
    });
    const url = `${address}/v2/models/latin-texts/infer`;
    const binary = await fetch(url, { method: "POST", body });
    const jsonBytes = Number(binary.headers.get("inference-header-content-length"));
    const raw = Buffer.from(await binary.arrayBuffer()).subarray(jsonBytes);
    const expected = words
      .map((word) => `${String.fromCharCode(word.length)}\0\0\0${word}`)
      .join("");
    assert.equal(raw.toString("latin1"), expected);
    const connect = await fetch(`${address}/inference.GRPCInferenceService/ModelInfer`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        modelName: "latin-texts",
        inputs: [
          { name: "label", datatype: "INT64", shape: [0], contents: {} },
          { name: "yes", datatype: "BOOL", shape: [], contents: { boolContents: [true] } },
        ],
        outputs: [{ name: "constant" }],
      }),
    });
    const answer: Json = await connect.json();
    assert.deepEqual(answer.outputs[0].contents.bytesContents, base64);
  });

  it("stand in the OpenAPI document as they may be asked", async () => {
    const { paths } = await get("/v2/openapi.json");
    const schemaOf = (model: string) =>
      paths[`/v2/models/${model}/infer`].post.requestBody.content["application/json"];
    const { minItems, maxItems } = schemaOf("overridable").schema.properties.inputs;
    assert.deepEqual([minItems, maxItems], [1, 2]);
    const { properties } = schemaOf("unknown-rank").schema.properties.inputs.items;
    assert.equal(properties.shape.maxItems, undefined);
    assert.deepEqual(properties.shape.items, { type: "integer", minimum: 0 });
  });

  it("are asked from the command line", async () => {
    const run = async (...args: string[]) => (await runCli([...args, "-a", address])).stdout;
    assert.match(await run("infer", "unknown-rank", "[[1, 2], [3, 4]]"), /y FP32\[2,2\]/);
    assert.match(await run("infer", "overridable", "[[1, 2, 3]]"), /\[\[2, 4, 6\]\]/);
    assert.match(await run("infer", "overridable", "x=[[1, 2, 3]]", "k=[3]"), /\[\[3, 6, 9\]\]/);
    assert.match(await run("infer", "overridable", "--zeros"), /\[\[0, 0, 0\]\]/);
    const shown = await run("models", "overridable");
    assert.match(shown, /x FP32\[-1,3\]\n.*k FP32\[1\] \(optional\)/);
    assert.match(await run("models", "unknown-rank"), /inputs +x FP32\[…\]/);
  });
});
