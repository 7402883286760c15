import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { projectRoot, type Served, startServed } from "../servers/served.ts";
import { waitFor } from "../wait-for.ts";

const run = promisify(execFile);

/** Shell commands in a document for people, and what it says that they print. */
export interface MarkdownExample {
  readonly command: string;
  readonly printed: string;
  readonly isJson: boolean;
}

/** Every fenced `sh` block that is followed by what it prints: a block of `json`, or of no language. */
export function markdownExamples(markdown: string): MarkdownExample[] {
  const blocks = [...markdown.matchAll(/^```(\w*)\n(.*?)^```$/gms)];
  return blocks.flatMap(([, language, command = ""], at) => {
    const [, answerLanguage, printed = ""] = blocks[at + 1] ?? [];
    if (language !== "sh" || (answerLanguage !== "json" && answerLanguage !== "")) return [];
    return [{ command, printed, isJson: answerLanguage === "json" }];
  });
}

/** The program as `npm start` starts it, on a free port, once the example models can be asked. */
export async function startExampleModels(): Promise<Served> {
  const served = await startServed(["--model-repository", "examples/models"]);
  await waitFor(() => served.output().includes("Try it"));
  return served;
}

/** A folder for PATH in which `modelport` is this checkout's program. The caller removes it. */
export async function programFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "modelport-bin-"));
  await symlink(join(projectRoot, "src/modelport.js"), join(folder, "modelport"));
  return folder;
}

/** What `command` prints, against the server on `port` in place of the one that documents speak of. */
export async function runExample(command: string, port: number): Promise<string> {
  const here = command
    .replaceAll("localhost:8085", `localhost:${port}`)
    .replace(/^(npx node examples\/clients\/grpc\.js)$/m, `$1 localhost:${port}`)
    .replace(/^(npx node examples\/clients\/grpc-web\.ts)$/m, `$1 http://localhost:${port}`)
    // npx would find the same Node, after asking npm.
    .replace(/^npx node /m, "node ");
  const path = [dirname(process.execPath), process.env["PATH"]].join(delimiter);
  const env = { ...process.env, PATH: path };
  return (await run("bash", ["-ec", here], { cwd: projectRoot, env })).stdout;
}

/** Asserts that `output` is what the document says. Spaces and line breaks may differ, and the last
 *  digits of fractions, which depend on the processor. */
export function assertPrints(output: string, { printed, isJson }: MarkdownExample): void {
  if (isJson) {
    assertAlike(JSON.parse(output), JSON.parse(printed), "the answer");
    return;
  }
  const fraction = /-?\d+\.\d+(?:e[+-]?\d+)?/g;
  const withoutFractions = (text: string) =>
    text.replace(fraction, "a fraction").replace(/\s+/g, " ").trim();
  assert.equal(withoutFractions(output), withoutFractions(printed));
  const fractions = (text: string) => (text.match(fraction) ?? []).map(Number);
  assertAlike(fractions(output), fractions(printed), "the fractions");
}

/** Measured and machine-dependent figures, which a document can only give an example of. */
const varying = new Set(["sizeInBytes", "capacityInBytes", "maxLoadingConcurrency"]);

function assertAlike(actual: unknown, expected: unknown, what: string): void {
  if (typeof expected === "number" && !Number.isInteger(expected)) {
    const isClose = typeof actual === "number" && Math.abs(actual - expected) < 1e-5;
    assert.ok(isClose, `${what} is ${JSON.stringify(actual)}, not about ${expected}`);
  } else if (typeof expected === "object" && expected !== null) {
    assert.deepEqual(Object.keys(Object(actual)), Object.keys(expected), what);
    assert.equal(Array.isArray(actual), Array.isArray(expected), what);
    for (const [key, value] of Object.entries(expected)) {
      const found: unknown = Object(actual)[key];
      if (varying.has(key)) assert.ok(Number(found) > 0, `${key} is ${found}`);
      else assertAlike(found, value, `${what} > ${key}`);
    }
  } else {
    assert.equal(actual, expected, what);
  }
}

/** Memory and times differ from one machine to another. */
export function withoutFigures(text: string): string {
  return text
    .replace(/\d+(\.\d+)? ([KM]iB|ms|s)\b/g, "figure")
    .replace(/ \d\S*\/s/g, " rate")
    .replace(/rate {2}figure/g, "rate");
}
