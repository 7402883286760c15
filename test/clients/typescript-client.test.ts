import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { build } from "esbuild";
import { projectRoot, type Served, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";
import { writeClientModels } from "./client-models.ts";
import type { CaseResult } from "./python-script.ts";

const run = promisify(execFile);

const generator = join(projectRoot, "node_modules/.cache/openapi-ts/node_modules/.bin/openapi-ts");
const isRequired = process.env["MODELPORT_REQUIRE_OPENAPI"] === "1";
const skip = existsSync(generator) || isRequired ? false : "openapi-ts is not installed";

/** As strict as tsc is; and the code of the client itself is checked, not only how it is used. */
const compilerOptions = {
  target: "es2024",
  lib: ["es2024", "dom", "dom.iterable", "dom.asynciterable"],
  module: "preserve",
  strict: true,
  noUncheckedIndexedAccess: true,
  noEmit: true,
  types: ["node"],
};

describe("a TypeScript client that @hey-api/openapi-ts makes", { timeout: 300_000, skip }, () => {
  let root: string;
  let folder: string;
  let served: Served | undefined;
  let url: string;

  before(async () => {
    [root, folder] = (await Promise.all(
      ["models", "client"].map((name) => mkdtemp(join(tmpdir(), `modelport-${name}-`))),
    )) as [string, string];
    await writeClientModels(root);
    served = await startServed(["--model-repository", root]);
    url = `http://127.0.0.1:${served.port}`;
    const document = async () => {
      const response = await fetch(`${url}/v2/openapi.json`);
      await writeFile(join(folder, "openapi.json"), await response.text());
      return (await fetch(`${url}/v2/health/ready`)).status === 200;
    };
    await waitFor(document, 60_000);
    await document();
  });

  after(async () => {
    await served?.stop();
    for (const directory of [root, folder]) await rm(directory, { recursive: true, force: true });
  });

  it("is made of the document without a complaint", async () => {
    const args = [
      "--input",
      "openapi.json",
      "--output",
      "made",
      "--client",
      "@hey-api/client-fetch",
    ];
    // With the Node of these tests.
    const { stdout, stderr } = await run(process.execPath, [generator, ...args], { cwd: folder });
    assert.doesNotMatch(stdout + stderr, /warn|error|skipp|duplicate/i);
    const made = await readdir(join(folder, "made"));
    for (const file of ["sdk.gen.ts", "types.gen.ts"]) assert(made.includes(file), file);
  });

  it("is right to a strict compiler, which knows the tensors of each model", async () => {
    await cp(join(import.meta.dirname, "typescript/use-client.ts"), join(folder, "use-client.ts"));
    await mkdir(join(folder, "node_modules"));
    await symlink(join(projectRoot, "node_modules/@types"), join(folder, "node_modules/@types"));
    await symlink(
      join(projectRoot, "node_modules/undici-types"),
      join(folder, "node_modules/undici-types"),
    );
    const settings = { compilerOptions, include: ["use-client.ts", "made"] };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(settings));
    const tsc = join(projectRoot, "node_modules/typescript/bin/tsc");
    const said = await run(process.execPath, [tsc, "--project", folder]).catch((error) => error);
    assert.equal(said.stdout, "");
  });

  it("asks the server as its types say", async (t) => {
    const outfile = join(folder, "use-client.mjs");
    await build({
      entryPoints: [join(folder, "use-client.ts")],
      bundle: true,
      platform: "node",
      format: "esm",
      outfile,
      logLevel: "silent",
    });
    const { stdout } = await run(process.execPath, [outfile, url], { timeout: 60_000 });
    const cases = stdout.trim().split("\n");
    for (const line of cases) {
      const { name, outcome, detail } = JSON.parse(line) as CaseResult;
      await t.test(name, () => assert.equal(outcome, "passed", detail));
    }
    assert.equal(cases.length, 7);
  });
});
