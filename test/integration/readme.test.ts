import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { projectRoot, type Served, startServed } from "../support/served.ts";

const run = promisify(execFile);

interface Example {
  /** The shell commands, as people copy them. */
  readonly command: string;
  /** What the README says that they print. */
  readonly printed: string;
  readonly isJson: boolean;
}

/** Every fenced `sh` block that is followed by what it prints. */
function examplesIn(markdown: string): Example[] {
  const blocks = [...markdown.matchAll(/^```(\w*)\n(.*?)^```$/gms)];
  return blocks.flatMap(([, language, command = ""], at) => {
    const [, answerLanguage, printed = ""] = blocks[at + 1] ?? [];
    if (language !== "sh" || (answerLanguage !== "json" && answerLanguage !== "")) return [];
    return [{ command, printed, isJson: answerLanguage === "json" }];
  });
}

/** Measured and machine-dependent figures, which the README can only give an example of. */
const varying = new Set(["sizeInBytes", "capacityInBytes", "maxLoadingConcurrency"]);

function withoutFigures(text: string): unknown {
  return JSON.parse(text, (key, value: unknown) => {
    if (!varying.has(key)) return value;
    assert.ok(Number(value) > 0, `${key} is ${value}`);
    return "a figure";
  });
}

describe("the README", async () => {
  const readme = await readFile(join(projectRoot, "README.md"), "utf8");
  const examples = examplesIn(readme);
  let served: Served | undefined;
  before(async () => {
    served = await startServed(["--model-repository", "examples/models"]);
    const limit = performance.now() + 20_000;
    while (!served.output().includes("Try it")) {
      assert.ok(performance.now() < limit, "the example models were not announced");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
  after(async () => {
    await served?.stop();
  });

  const shell = async (command: string) => {
    const here = command
      .replaceAll("localhost:8085", `localhost:${served?.port}`)
      .replace(/^(npx node examples\/clients\/grpc\.js)$/m, `$1 localhost:${served?.port}`)
      .replace(
        /^(npx node examples\/clients\/grpc-web\.ts)$/m,
        `$1 http://localhost:${served?.port}`,
      )
      // npx would find the same Node, after asking npm.
      .replace(/^npx node /m, "node ");
    const path = [dirname(process.execPath), process.env["PATH"]].join(delimiter);
    const env = { ...process.env, PATH: path };
    return (await run("bash", ["-ec", here], { cwd: projectRoot, env })).stdout;
  };

  it("shows all five calls of ModelMesh, an inference, a gRPC and a gRPC-Web client", () => {
    const commands = examples.map(({ command }) => command).join("\n");
    for (const part of [
      ...["loadModel", "unloadModel", "modelSize", "predictModelSize", "runtimeStatus"],
      ...["ModelInfer", "ModelMetadata", "clients/grpc.js", "clients/grpc-web.ts"],
    ]) {
      assert.ok(commands.includes(part), part);
    }
  });

  for (const { command, printed, isJson } of examples) {
    it(`is right about: ${command.split("\n")[0]}`, async () => {
      const output = await shell(command);
      if (isJson) assert.deepEqual(withoutFigures(output), withoutFigures(printed));
      else assert.equal(output.trim(), printed.trim());
    });
  }

  it("and the program announce the same models, with a call that works as it stands", async () => {
    const output = served?.output() ?? "";
    assert.match(output, /Modelport serves 2 models at http:\/\/localhost:\d+/);
    assert.match(
      output,
      /digits +\d+ KiB {2}image FP32\[-1,1,8,8\] -> probabilities FP32\[-1,10\]/,
    );
    const call = output.slice(output.indexOf("  curl "));
    const answer = JSON.parse(await shell(call)) as { modelName: string; outputs: unknown[] };
    assert.equal(answer.modelName, "iris");
    assert.equal(answer.outputs.length, 2);
  });
});
