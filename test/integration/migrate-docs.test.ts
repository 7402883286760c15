import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { cp, mkdtemp, readdir, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { assertPrints, programFolder, withoutFigures } from "../support/docs/markdown-examples.ts";
import { type PageStep, stepsIn } from "../support/docs/page-steps.ts";
import { projectRoot, type Served, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

const run = promisify(execFile);
const mark = "@@ end of step";
const where = "@@ folder ";

/** What a page does before its server starts, and after it. */
interface Page {
  readonly name: string;
  readonly text: string;
  readonly files: readonly PageStep[];
  readonly calls: readonly PageStep[];
}

const pages = globSync("docs/migrate/*.md", { cwd: projectRoot })
  .sort()
  .map((path): Page => {
    const text = readFileSync(join(projectRoot, path), "utf8");
    const [files = "", calls = ""] = text.split("### The server");
    return { name: basename(path, ".md"), text, files: stepsIn(files), calls: stepsIn(calls) };
  });

/** Each page prepares its files in a folder of its own. One server then has the models of all pages. */
describe("the pages of docs/migrate", { timeout: 300_000 }, () => {
  let repository: string;
  let path: string;
  let bin: string;
  let served: Served;
  const folders = new Map<string, string>();
  const outputs = new Map<PageStep, string>();

  before(async () => {
    repository = await mkdtemp(join(await realpath(tmpdir()), "modelport-migrated-"));
    bin = await programFolder();
    path = [bin, dirname(process.execPath), process.env["PATH"]].join(delimiter);
    for (const { name, files } of pages) {
      const folder = await perform(files, projectRoot);
      folders.set(name, folder);
      for (const model of await readdir(join(folder, "models"))) {
        await cp(join(folder, "models", model), join(repository, model), {
          recursive: true,
          dereference: true,
          errorOnExist: true,
          force: false,
        });
      }
    }
    served = await startServed(["--model-repository", repository]);
    await waitFor(() => served.output().includes("Try it"));
    for (const { name, calls } of pages) await perform(calls, folders.get(name) ?? "");
  });
  after(async () => {
    await served?.stop();
    for (const folder of [repository, bin, ...folders.values()]) {
      await rm(folder, { recursive: true, force: true });
    }
  });

  /** Runs the steps in one shell, which starts in `cwd`. Resolves with the folder in which it ends. */
  async function perform(steps: readonly PageStep[], cwd: string): Promise<string> {
    const script = [
      "set -e",
      ...steps.map(({ command }) => `${command}\necho '${mark}'`),
      `echo "${where}$PWD"`,
    ].join("\n");
    const here = script.replaceAll("localhost:8085", `localhost:${served?.port}`);
    const env = { ...process.env, PATH: path, ADAPTER_PORT: "0" };
    const { stdout } = await run("bash", ["-c", here], { cwd, env });
    const printed = stdout.split(`${mark}\n`);
    for (const [at, step] of steps.entries()) outputs.set(step, printed[at] ?? "");
    const last = printed.at(-1) ?? "";
    assert.ok(last.startsWith(where), last);
    return await realpath(last.slice(where.length).trim());
  }

  it("are there for each server that people come from", () => {
    assert.deepEqual(
      pages.map(({ name }) => name),
      ["caikit", "mlserver", "modelmesh", "ovms", "torchserve", "triton"],
    );
    const index = readFileSync(join(projectRoot, "README.md"), "utf8");
    for (const { name } of pages) assert.ok(index.includes(`docs/migrate/${name}.md`), name);
  });

  for (const { name, files, calls } of pages) {
    it(`${name}: has files of that server's own layout, and calls`, () => {
      assert.ok(files.length >= 1 && calls.length >= 1);
    });
    for (const step of [...files, ...calls]) {
      it(`${name}: is right about ${step.command.split("\n")[0]}`, () => {
        const folder = folders.get(name) ?? "";
        // Pages show folders of a reader's own, below /tmp.
        const output = withoutFigures(outputs.get(step) ?? "").replaceAll(folder, "/tmp");
        const printed = withoutFigures(step.printed ?? "");
        assertPrints(output, { command: step.command, printed, isJson: false });
      });
    }
  }

  it("name metrics that Modelport has", () => {
    const metrics = readFileSync(join(projectRoot, "docs/metrics.md"), "utf8");
    for (const { name, text } of pages) {
      for (const [metric] of text.matchAll(/\bmodelport_[a-z_]+|\bprocess_[a-z_]+/g)) {
        assert.ok(metrics.includes(`\`${metric}\``), `${name}: ${metric}`);
      }
    }
  });
});
