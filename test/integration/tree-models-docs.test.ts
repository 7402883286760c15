import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { callRest } from "../support/clients/rest-calls.ts";
import {
  assertPrints,
  markdownExamples,
  runExample,
  startExampleModels,
} from "../support/docs/markdown-examples.ts";
import { projectRoot, type Served } from "../support/servers/served.ts";

interface Output {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: readonly unknown[];
}

describe("models as other libraries wrote them", async () => {
  const read = (path: string) => readFile(join(projectRoot, path), "utf8");
  const examples = markdownExamples(await read("docs/tree-models.md"));
  const expected = JSON.parse(await read("examples/rest/expected.json")) as Record<
    string,
    { readonly predict: readonly unknown[]; readonly predict_proba: readonly number[][] }
  >;
  let served: Served;
  before(async () => {
    served = await startExampleModels();
  });
  after(async () => {
    await served?.stop();
  });

  for (const example of examples) {
    it(`are called as docs/tree-models.md says: ${example.command.split("\n")[0]}`, async () => {
      assertPrints(await runExample(example.command, served.port), example);
    });
  }

  for (const [file, answers] of Object.entries(expected)) {
    it(`answer ${file} as their library does`, async () => {
      const request = JSON.parse(await read(`examples/rest/${file}`)) as object;
      const outputs = [{ name: "predict" }, { name: "predict_proba" }];
      const path = `/v2/models/${file.replace(".json", "")}/infer`;
      const { json } = await callRest(served.port, path, { body: { ...request, outputs } });
      const [labels, shares] = (json as { readonly outputs: readonly Output[] }).outputs;
      assert.deepEqual(labels?.data, answers.predict);
      assert.deepEqual(labels?.shape, [answers.predict.length, 1]);
      const isSingle = shares?.datatype === "FP32";
      for (const [at, share] of answers.predict_proba.flat().entries()) {
        const difference = Math.abs((shares?.data[at] as number) - share);
        // Python has its own exponential function.
        assert.ok(difference <= (isSingle ? 1e-7 : 0), `${file}: ${at}`);
      }
    });
  }
});
