import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Code } from "@connectrpc/connect";
import { RuntimeError } from "../../src/base/errors.ts";
import { type Datatype, elementBytes } from "../../src/base/tensor.ts";
import { encodeContents, hasTypedForm } from "../../src/rpc/codec/tensor-contents.ts";
import { toConnectError, toHttpStatus } from "../../src/rpc/failures/error-codes.ts";
import {
  assertPrints,
  markdownExamples,
  runExample,
  startExampleModels,
} from "../support/docs/markdown-examples.ts";
import { errorKinds } from "../support/fakes/error-kinds.ts";
import { projectRoot, type Served } from "../support/servers/served.ts";

/** The rows of the table whose head starts with `head`, cell by cell, without backticks. */
function tableOf(markdown: string, head: string): string[][] {
  const lines = markdown.split("\n");
  const start = lines.findIndex((line) => line.startsWith(`| ${head} `));
  assert.ok(start >= 0, `there is no table of ${head}`);
  const length = lines.slice(start).findIndex((line) => !line.startsWith("|"));
  return lines.slice(start + 2, start + length).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function grpcName(code: Code): string {
  if (code === Code.Canceled) return "CANCELLED";
  return snakeCase(String(Code[code])).slice(1).toUpperCase();
}

describe("docs/inference.md, and docs/triton-clients.md", async () => {
  const markdown = await readFile(join(projectRoot, "docs/inference.md"), "utf8");
  const examples = markdownExamples(markdown);
  const triton = await readFile(join(projectRoot, "docs/triton-clients.md"), "utf8");
  const tritonExamples = markdownExamples(triton);
  let served: Served;
  before(async () => {
    served = await startExampleModels();
  });
  after(async () => {
    await served?.stop();
  });

  it("has an example for every transport, and leaves no shell block unchecked", () => {
    const commands = examples.map(({ command }) => command).join("\n");
    for (const part of [
      "/v2/models/iris/infer -d",
      "--data-binary @examples/rest/iris.bin",
      "/inference.GRPCInferenceService/ModelInfer",
      "examples/clients/grpc.js",
      "examples/clients/grpc-web.ts",
    ]) {
      assert.ok(commands.includes(part), part);
    }
    assert.equal(examples.length, markdown.match(/^```sh$/gm)?.length);
    for (const { command, printed } of examples) assert.ok(printed.trim() !== "", command);
  });

  for (const example of [...examples, ...tritonExamples]) {
    it(`is right about: ${example.command.split("\n").slice(0, 2).join(" ")}`, async () => {
      const { command } = example;
      // The committed file must not be touched by a test; the next test compares it.
      const path = join(tmpdir(), `modelport-iris-${process.pid}.bin`);
      const here = command.replace(/^(npx node .*write-binary-request\.ts)$/m, `$1 ${path}`);
      try {
        assertPrints(await runExample(here, served.port), example);
      } finally {
        await rm(path, { force: true });
      }
    });
  }

  it("sends the binary request that its script writes", async () => {
    const path = join(tmpdir(), `modelport-iris-again-${process.pid}.bin`);
    try {
      const script = "npx node examples/clients/write-binary-request.ts";
      const length = await runExample(`${script} '${path}'`, served.port);
      const written = await readFile(path);
      assert.deepEqual(await readFile(join(projectRoot, "examples/rest/iris.bin")), written);
      assert.match(markdown, new RegExp(`Inference-Header-Content-Length: ${length.trim()}'`));
    } finally {
      await rm(path, { force: true });
    }
  });

  it("says what the example models answer", async () => {
    const rows = tableOf(markdown, "Request");
    assert.equal(rows.length, 4);
    for (const [index, [request = "", model, label, probability]] of rows.entries()) {
      const file = request.split(",")[0];
      const body = await readFile(join(projectRoot, `examples/${file}`), "utf8");
      const url = `http://localhost:${served.port}/inference.GRPCInferenceService/ModelInfer`;
      const headers = { "content-type": "application/json" };
      const response = await fetch(url, { method: "POST", headers, body });
      const { modelName, outputs } = (await response.json()) as {
        modelName: string;
        outputs: { name: string; contents: Record<string, (string | number)[]> }[];
      };
      assert.equal(modelName, model);
      const contentsOf = (name: string) => outputs.find((output) => output.name === name)?.contents;
      const at = model === "iris" ? index - 1 : 0;
      const text = contentsOf("label")?.["bytesContents"]?.[at];
      const digit = contentsOf("label")?.["int64Contents"]?.[at];
      assert.equal(text === undefined ? digit : atob(String(text)), label);
      const classCount = model === "iris" ? 3 : 10;
      const all = contentsOf("probabilities")?.["fp32Contents"]?.map(Number) ?? [];
      assert.equal(all.length % classCount, 0);
      const highest = Math.max(...all.slice(at * classCount, (at + 1) * classCount));
      assert.ok(Math.abs(highest - Number(probability)) < 2e-5, `${request}: ${highest}`);
    }
  });

  it("has every datatype, with its size, its typed field, and whether it has a JSON form", () => {
    const rows = tableOf(markdown, "Datatype");
    assert.deepEqual(rows.map(([name]) => name).sort(), Object.keys(elementBytes).sort());
    for (const [name, bytes, field, json] of rows) {
      const datatype = name as Datatype;
      const size = elementBytes[datatype];
      assert.equal(bytes, size === undefined ? "4 + size" : String(size), name);
      if (!hasTypedForm(datatype)) {
        assert.deepEqual([field, json], ["raw only", "binary form only"], name);
        continue;
      }
      const data = new Uint8Array(size ?? 4);
      const contents = encodeContents({ name: "x", datatype, shape: [1], data });
      assert.deepEqual(Object.keys(contents).map(snakeCase), [field], name);
    }
  });

  it("has every kind of error, with its gRPC code and its HTTP status", () => {
    const rows = tableOf(markdown, "Kind").map((cells) => cells.slice(0, 3));
    const right = errorKinds.map((kind) => {
      const { code } = toConnectError(new RuntimeError(kind, "as documented"));
      return [kind, grpcName(code), String(toHttpStatus(code))];
    });
    assert.deepEqual(rows.sort(), right.sort());
  });
});
