import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { runExample } from "../support/docs/markdown-examples.ts";
import { projectRoot, type Served, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

describe("docs/diagnostics.md", async () => {
  const page = await readFile(join(projectRoot, "docs/diagnostics.md"), "utf8");
  const blocks = [...page.matchAll(/^```(\w*)\n(.*?)^```$/gms)];
  let served: Served;
  let folder: string;
  before(async () => {
    const flags = ["--model-repository", "examples/models", "--debug-endpoints", "all"];
    served = await startServed(flags);
    await waitFor(() => served.output().includes("Try it"));
    folder = await mkdtemp(join(tmpdir(), "modelport-debug-"));
    await symlink(join(projectRoot, "src/modelport.js"), join(folder, "modelport"));
  });
  after(async () => {
    await served?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  for (const [at, [, language, command = ""]] of blocks.entries()) {
    if (language !== "sh") continue;
    it(`is right about: ${command.trim()}`, async () => {
      const address = `localhost:${served.port}`;
      const printed = await runExample(
        `export PATH="${folder}:$PATH" MODELPORT_ADDRESS=${address}\n${command.replace("-o ", `-o ${folder}/`)}`,
        served.port,
      );
      const file = /-o (\S+)/.exec(command)?.[1];
      if (file !== undefined) {
        const taken = JSON.parse(await readFile(join(folder, file), "utf8"));
        assert.ok(Array.isArray(taken.nodes) && taken.nodes.length > 0);
        return;
      }
      const [, answerLanguage, expected = ""] = blocks[at + 1] ?? [];
      if (answerLanguage === "json") {
        assertLike(JSON.parse(printed), JSON.parse(expected));
      } else assert.equal(printed, expected);
    });
  }
});

/** What differs from one machine to another even by its names: kinds of handles and files. */
const counted = ["resources", "openFiles"];

/** Texts are the same, and so are the names of fields; figures differ from one machine to another. */
function assertLike(actual: unknown, expected: unknown, key = ""): void {
  const what = `in "${key}" of the answer`;
  assert.equal(typeof actual, typeof expected, what);
  if (typeof expected === "string") assert.equal(actual, expected, what);
  if (typeof expected !== "object" || expected === null || counted.includes(key)) return;
  const [found, described] = [Object(actual), Object(expected)];
  if (key === "hosts") {
    // Which host is the first, and which models it has, is chance.
    assert.deepEqual(Object.keys(found[0]), Object.keys(described[0]), what);
    const model = found.flatMap(({ models }: { models: object[] }) => models)[0];
    assert.deepEqual(Object.keys(model), Object.keys(described[0].models[0]), what);
    return;
  }
  assert.deepEqual(Object.keys(found), Object.keys(described), what);
  for (const name of Object.keys(described)) assertLike(found[name], described[name], name);
}
