import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { transformSync } from "esbuild";

const root = join(import.meta.dirname, "../../..");
const startFiles = ["src/modelport.js", "src/require-node.cjs", "test/run.js", "test/check.js"];

describe("the files that an old Node must read", () => {
  for (const file of startFiles) {
    it(`${file} has no syntax newer than Node 12.22`, () => {
      const source = readFileSync(join(root, file), "utf8");
      // Newer syntax would be rewritten for the older target, or refused.
      const forOld = transformSync(source, { target: "node12.22", logLevel: "silent" });
      const forNew = transformSync(source, { target: "esnext" });
      assert.equal(forOld.code, forNew.code);
    });
  }
});

describe("modelport", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "modelport-start-"));
    for (const file of ["package.json", "src/modelport.js", "src/require-node.cjs"]) {
      cpSync(join(root, file), join(folder, file));
    }
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("names the Node it found, the one it needs and the way there on an old Node", () => {
    const { status, stdout, stderr } = start("22.17.1");
    assert.equal(status, 1);
    assert.equal(stdout, "");
    assert.match(stderr, /^modelport: this is Node 22\.17\.1, but Node 22\.18 or newer is needed/);
    for (const way of ["npm ci", "npm start", "npm run serve"]) {
      assert.ok(stderr.includes(way), `${way} is missing in: ${stderr}`);
    }
    assert.doesNotMatch(stderr, /^ {4}at /m, "no stack trace");
  });

  it("accepts the oldest Node that it names, and newer ones", () => {
    install();
    writeProgram("src/cli.ts", '"main"');
    for (const version of ["22.18.0", "24.0.0", "26.1.0"]) {
      assert.deepEqual(start(version), { status: 0, stdout: "main\n", stderr: "" }, version);
    }
  });

  it("asks for npm ci, naming what is missing, where modules are not installed", () => {
    const { status, stderr } = start("24.0.0");
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^modelport: modules are missing \(.*\bfastify\b.*\): run `npm ci` first\.$/m,
    );
  });

  it("prefers the compiled program where there is one, and hands it the arguments", () => {
    install();
    writeProgram("src/cli.ts", '"sources"');
    writeProgram("src/cli.js", "argv.join()");
    assert.equal(start("24.0.0", "serve", "--port", "0").stdout, "serve,--port,0\n");
  });

  it("ends with the code that the program resolves with", () => {
    install();
    writeProgram("src/cli.ts", '"refused"', 3);
    assert.deepEqual(start("24.0.0"), { status: 3, stdout: "refused\n", stderr: "" });
  });

  /** A program that prints `text`, an expression of JavaScript. */
  function writeProgram(file: string, text: string, exitCode = 0): void {
    const body = `stdout.write(${text} + "\\n"); return ${exitCode};`;
    writeFileSync(
      join(folder, file),
      `export async function runProgram({ argv, stdout }) { ${body} }\n`,
    );
  }

  /** Makes every dependency look installed. */
  function install(): void {
    const { dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
      dependencies: Record<string, string>;
    };
    for (const name of Object.keys(dependencies)) {
      mkdirSync(join(folder, "node_modules", name), { recursive: true });
      writeFileSync(join(folder, "node_modules", name, "package.json"), "{}");
    }
  }

  /** Runs the program on this Node, which claims to be `version`. */
  function start(version: string, ...args: string[]) {
    const claim = `Object.defineProperty(process, "versions", { value: { node: "${version}" } });`;
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [
        "--import",
        `data:text/javascript,${encodeURIComponent(claim)}`,
        "src/modelport.js",
        ...args,
      ],
      { cwd: folder, encoding: "utf8" },
    );
    return { status, stdout, stderr };
  }
});
