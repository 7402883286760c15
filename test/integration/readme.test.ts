import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  assertPrints,
  markdownExamples,
  runExample,
  startExampleModels,
} from "../support/docs/markdown-examples.ts";
import { projectRoot, type Served } from "../support/servers/served.ts";

describe("the README", async () => {
  const examples = markdownExamples(await readFile(join(projectRoot, "README.md"), "utf8"));
  let served: Served;
  before(async () => {
    served = await startExampleModels();
  });
  after(async () => {
    await served?.stop();
  });

  it("shows all five calls of ModelMesh, an inference by REST and by Connect, texts, a gRPC and a gRPC-Web client", () => {
    const commands = examples.map(({ command }) => command).join("\n");
    for (const part of [
      ...["loadModel", "unloadModel", "modelSize", "predictModelSize", "runtimeStatus"],
      ...["/v2/models/iris/infer", "ModelInfer", "ModelMetadata"],
      ...["/v1/embeddings", "/similarity"],
      ...["clients/grpc.js", "clients/grpc-web.ts"],
    ]) {
      assert.ok(commands.includes(part), part);
    }
  });

  for (const example of examples) {
    it(`is right about: ${example.command.split("\n")[0]}`, async () => {
      assertPrints(await runExample(example.command, served.port), example);
    });
  }

  it("and the program announce the same models, with a call that works as it stands", async () => {
    const output = served.output();
    assert.match(output, /Modelport serves 5 models at http:\/\/localhost:\d+/);
    assert.match(
      output,
      /digits +[\d.]+ KiB {2}image FP32\[-1,1,8,8\] -> probabilities FP32\[-1,10\]/,
    );
    const call = output.slice(output.indexOf("  curl "));
    const answer = JSON.parse(await runExample(call, served.port)) as {
      modelName: string;
      outputs: unknown[];
    };
    assert.equal(answer.modelName, "iris");
    assert.equal(answer.outputs.length, 2);
  });
});
