import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { startExampleModels } from "../support/docs/markdown-examples.ts";
import { projectRoot, type Served } from "../support/servers/served.ts";

const run = promisify(execFile);

const built = join(projectRoot, "node_modules/.cache/grpcurl/grpcurl");
const grpcurl = existsSync(built) ? built : "grpcurl";
const isThere = spawnSync(grpcurl, ["-version"]).status === 0;
const isRequired = process.env["MODELPORT_REQUIRE_GRPCURL"] === "1";
const skip = isThere || isRequired ? false : "grpcurl is not installed";

describe("grpcurl, without definitions", { timeout: 300_000, skip }, () => {
  let served: Served;
  before(async () => {
    served = await startExampleModels();
  });
  after(() => served?.stop());

  const print = async (words: readonly string[], flags: readonly string[] = []) => {
    const address = `localhost:${served.port}`;
    return (await run(grpcurl, ["-plaintext", ...flags, address, ...words])).stdout;
  };
  const call = (method: string, request: unknown) =>
    print([method], ["-d", JSON.stringify(request)]);

  it("lists services and methods", async () => {
    assert.deepEqual((await print(["list"])).trim().split("\n"), [
      "caikit.runtime.Nlp.NlpService",
      "caikit.runtime.info.InfoService",
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
      "inference.GRPCInferenceService",
      "mmesh.ModelRuntime",
      "modelport.v1.RuntimeWatchService",
    ]);
    const methods = await print(["list", "mmesh.ModelRuntime"]);
    assert.match(methods, /^mmesh\.ModelRuntime\.predictModelSize$/m);
  });

  it("describes a message", async () => {
    const described = await print(["describe", "inference.ModelInferRequest"]);
    assert.match(described, /^message ModelInferRequest \{$/m);
    assert.match(described, /^ {2}string model_name = 1;$/m);
  });

  it("runs a model", async () => {
    const request = {
      model_name: "iris",
      inputs: [
        {
          name: "measurements",
          datatype: "FP32",
          shape: [1, 4],
          contents: { fp32_contents: [6.0, 2.7, 5.1, 1.6] },
        },
      ],
      outputs: [{ name: "label" }],
    };
    const method = "inference.GRPCInferenceService/ModelInfer";
    const { outputs } = JSON.parse(await call(method, request));
    assert.deepEqual(outputs[0].contents, { bytesContents: ["dmlyZ2luaWNh"] });
  });

  it("embeds a text, as in Caikit's demos", async () => {
    const method = "caikit.runtime.Nlp.NlpService/EmbeddingTaskPredict";
    const request = JSON.stringify({ text: "At what temperature does Nitrogen boil?" });
    const printed = await print([method], ["-H", "mm-model-id: sentences", "-d", request]);
    const { result, inputTokenCount } = JSON.parse(printed);
    assert.ok(result.dataNpfloat32sequence.values.length > 1);
    assert.ok(Number(inputTokenCount) > 2);
    const unnamed = print([method], ["-d", request]);
    await assert.rejects(unnamed, /Missing required model ID/);
  });

  it("asks for the health of a service, and sees the status of a failure", async () => {
    const method = "grpc.health.v1.Health/Check";
    const healthy = await call(method, { service: "inference.GRPCInferenceService" });
    assert.deepEqual(JSON.parse(healthy), { status: "SERVING" });
    await assert.rejects(call(method, { service: "none" }), /Code: NotFound/);
  });
});
