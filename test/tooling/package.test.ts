import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { publint } from "publint";
import { projectRoot } from "../support/servers/served.ts";

const run = promisify(execFile);

const path = [dirname(process.execPath), process.env["PATH"]].join(delimiter);
const env = { ...process.env, PATH: path, MODELPORT_ADDRESS: "" };

describe("the package", { timeout: 300_000 }, () => {
  let built: string;
  /** Has nothing but what npm has installed from the tarball. */
  let home: string;
  before(async () => {
    built = await mkdtemp(join(tmpdir(), "modelport-built-"));
    home = await mkdtemp(join(tmpdir(), "modelport-home-"));
    const script = join(projectRoot, "scripts/build-package.ts");
    await run(process.execPath, [script, "--into", built], { cwd: projectRoot, env });
    await writeFile(join(home, "package.json"), '{"type": "module"}');
    const options = ["--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"];
    await run("npm", ["install", ...options, join(built, tarballOf(await version()))], {
      cwd: home,
      env,
    });
  });
  after(async () => {
    await rm(built, { recursive: true, force: true });
    await rm(home, { recursive: true, force: true });
  });

  it("has nothing that publint complains of", async () => {
    const { messages } = await publint({ pkgDir: join(built, "package"), level: "suggestion" });
    assert.deepEqual(messages, []);
  });

  it("holds what runs and what has to be said, and no sources", async () => {
    const files = await readdir(installed(), { recursive: true });
    for (const file of [
      ...["README.md", "LICENSE", "NOTICE", "CHANGELOG.md", "THIRD-PARTY-NOTICES.txt"],
      ...[
        "dist/modelport.js",
        "dist/cli.js",
        "dist/host-main.js",
        "dist/file-thread-main.js",
        "dist/dashboard/index.html",
      ],
      ...["proto/inference/inference.proto", "dist/gen/inference/inference_pb.d.ts"],
    ]) {
      assert.ok(files.includes(file), `${file} is missing`);
    }
    const own = files.filter((file) => !file.startsWith("node_modules"));
    const sources = own.filter((file) => /(?<!\.d)\.tsx?$|\.test\.|\.map$/.test(file));
    assert.deepEqual(sources, []);
    const { size } = await stat(join(built, tarballOf(await version())));
    assert.ok(size < 2_000_000, `the tarball has ${size} bytes`);
  });

  it("brings no Node of its own, no script that runs at install, and no package that we do not know", async () => {
    const manifest = JSON.parse(await readFile(join(installed(), "package.json"), "utf8"));
    assert.equal(manifest.scripts, undefined);
    assert.equal(manifest.private, undefined);
    const names = await installedNames();
    assert.ok(names.size > 50, `only ${names.size} packages`);
    assert.deepEqual(
      [...names].filter((name) => /^node-(bin-)?(linux|darwin)/.test(name)),
      [],
    );
    const lock = JSON.parse(await readFile(join(projectRoot, "package-lock.json"), "utf8"));
    const known = new Set(Object.keys(lock.packages).map(nameOf));
    assert.deepEqual(
      [...names].filter((name) => !known.has(name)),
      [],
    );
  });

  it("names the licence of every package that it brings, and lists all of them as materials", async () => {
    const notices = await readFile(join(installed(), "THIRD-PARTY-NOTICES.txt"), "utf8");
    const bill = await readFile(join(installed(), "sbom.cdx.json"), "utf8");
    const beside = tarballOf(await version()).replace(".tgz", ".cdx.json");
    assert.equal(await readFile(join(built, beside), "utf8"), bill);
    const { bomFormat, metadata, components } = JSON.parse(bill);
    assert.equal(bomFormat, "CycloneDX");
    assert.equal(metadata.component.name, "modelport");
    const listed = new Set(components.map(({ name }: { name: string }) => name));
    for (const name of await installedNames()) {
      assert.match(notices, new RegExp(`^${name} \\d\\S* \\(`, "m"));
      assert.ok(listed.has(name), `${name} is not listed`);
    }
    // Bundled into the page, not installed.
    for (const name of ["preact", "uplot"]) {
      assert.match(notices, new RegExp(`^${name} \\d`, "m"));
      assert.ok(listed.has(name), `${name} is not listed`);
    }
  });

  it("gives programs of TypeScript the messages and services, with their types", async () => {
    const program = `
      import { create } from "@bufbuild/protobuf";
      import { GRPCInferenceService, ModelInferRequestSchema } from "modelport/gen/inference/inference_pb.js";
      const { modelName } = create(ModelInferRequestSchema, { modelName: "iris" });
      // @ts-expect-error: a name is not a number
      const wrong: number = modelName;
      console.log(modelName, GRPCInferenceService.typeName, wrong);
    `;
    await writeFile(join(home, "client.ts"), program);
    const tsc = join(projectRoot, "node_modules/typescript/bin/tsc");
    const flags = ["--noEmit", "--strict", "--module", "nodenext", "--lib", "es2024,dom"];
    await run(process.execPath, [tsc, ...flags, "client.ts"], { cwd: home, env });
    const { stdout } = await run(process.execPath, ["client.ts"], { cwd: home, env });
    assert.equal(stdout, "iris inference.GRPCInferenceService iris\n");
  });

  it("serves and is called by `npx modelport`, with hosts and page from the package", async () => {
    const served = spawn(
      "npx",
      [
        ...["--no-install", "modelport", "serve", "--port", "0"],
        ...["--model-repository", join(projectRoot, "examples/models")],
      ],
      { cwd: home, env, stdio: ["ignore", "ignore", "pipe"], detached: true },
    );
    try {
      const address = `localhost:${await listeningPort(served)}`;
      const call = async (...args: string[]) =>
        (
          await run("npx", ["--no-install", "modelport", ...args, "-a", address], {
            cwd: home,
            env,
          })
        ).stdout;
      assert.equal(await call("probe", "model", "iris", "--wait", "30"), "ok\n");
      const answer = await call("infer", "iris", "[6, 2.7, 5.1, 1.6]", "--output", "json");
      assert.deepEqual(JSON.parse(answer).outputs[0].data, ["virginica"]);
      assert.match(await call("models"), /^digits +ready/m);
      const page = await fetch(`http://${address}/`, { headers: { accept: "text/html" } });
      assert.match(await page.text(), /<script[^>]* src="dashboard\/[\w-]+\.js"/);
      const docs = await fetch(`http://${address}/v2/docs`);
      assert.equal(docs.status, 200);
    } finally {
      // npx passes the signal on to nobody: the group has all of them.
      if (served.pid !== undefined && served.exitCode === null) {
        process.kill(-served.pid, "SIGTERM");
        await once(served, "close");
      }
    }
  });

  /** Of everything that npm has put beside the package. */
  async function installedNames(): Promise<Set<string>> {
    const lock = JSON.parse(await readFile(join(home, "package-lock.json"), "utf8"));
    const paths = Object.keys(lock.packages).filter((path) => path !== "");
    return new Set(paths.map(nameOf).filter((name) => name !== "modelport"));
  }

  function installed(): string {
    return join(home, "node_modules/modelport");
  }
});

async function version(): Promise<string> {
  return JSON.parse(await readFile(join(projectRoot, "package.json"), "utf8")).version;
}

function tarballOf(version: string): string {
  return `modelport-${version}.tgz`;
}

/** Of "node_modules/a/node_modules/@b/c": "@b/c". */
function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
}

function listeningPort(served: ChildProcess): Promise<number> {
  const { stderr } = served;
  if (stderr === null) throw new Error("stderr is a pipe");
  return new Promise((resolve, reject) => {
    const complaints: string[] = [];
    createInterface({ input: stderr }).on("line", (text) => {
      complaints.push(text);
      if (!text.startsWith("{")) return;
      const line = JSON.parse(text) as { msg?: string; port?: number };
      if (line.msg === "server listening" && line.port !== undefined) resolve(line.port);
    });
    served.once("close", () => reject(new Error(complaints.join("\n"))));
  });
}
