import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";

const repository = join(import.meta.dirname, "../../..");

/** A page of three modules, one of them from a package. */
const project = {
  "package.json": '{ "type": "module", "engines": { "node": ">=22.18" }, "dependencies": {} }',
  "package-lock.json": "{}",
  "tsconfig.json": "{}",
  "src/dashboard/tsconfig.json": "{}",
  "src/dashboard/index.html":
    '<link rel="stylesheet" href="main.css">\n<script type="module" src="main.ts"></script>\n',
  "src/dashboard/main.ts": 'import "./main.css";\nawait import("./parts/show-page.tsx");\n',
  "src/dashboard/main.css": "body { margin: 0 }\n",
  "src/dashboard/parts/show-page.tsx": 'import { title } from "words";\ndocument.title = title;\n',
  "node_modules/words/package.json": '{ "name": "words", "main": "index.js" }',
  "node_modules/words/index.js": 'export const title = "one";\n',
};

describe("npm run build:dashboard", () => {
  let root: string;
  const path = (name: string) => join(root, name);

  before(() => {
    root = mkdtempSync(join(tmpdir(), "modelport-build-"));
    for (const [name, text] of Object.entries(project)) {
      mkdirSync(dirname(path(name)), { recursive: true });
      writeFileSync(path(name), text);
    }
    for (const name of ["scripts", "src/require-node.cjs"]) copy(name);
    // The bundler's own files, to change one of them, and its binary where it is.
    copy("node_modules/esbuild/package.json");
    copy("node_modules/esbuild/lib");
    symlinkSync(join(repository, "node_modules/@esbuild"), path("node_modules/@esbuild"));
  });

  after(() => rmSync(root, { recursive: true, force: true }));

  it("builds what is missing, and then leaves it as it is and says the same", async () => {
    const first = await run();
    assert.match(first.says, /show-page-\w+\.js .* gzip .*\nthe whole page /s);
    assert.deepEqual(await run(), first);
  });

  it("goes by content, and not by time", async () => {
    const first = await run();
    const tomorrow = new Date(Date.now() + 86_400_000);
    for (const name of Object.keys(project)) utimesSync(path(name), tomorrow, tomorrow);
    assert.deepEqual(await run(), first);
  });

  const changes: readonly (readonly [string, () => void])[] = [
    [
      "a module",
      () => appendFileSync(path("src/dashboard/parts/show-page.tsx"), 'document.dir = "ltr";\n'),
    ],
    ["the style sheet", () => appendFileSync(path("src/dashboard/main.css"), "a { color: red }\n")],
    ["the page itself", () => appendFileSync(path("src/dashboard/index.html"), "<p>\n")],
    ["a package", () => appendFileSync(path("node_modules/words/index.js"), "alert(title);\n")],
    [
      "which file a package gives",
      () => {
        writeFileSync(path("node_modules/words/other.js"), 'export const title = "two";\n');
        writeFileSync(
          path("node_modules/words/package.json"),
          '{ "name": "words", "main": "other.js" }',
        );
      },
    ],
    ["what is installed", () => writeFileSync(path("package-lock.json"), '{ "packages": {} }')],
    [
      "the version of the bundler",
      () => {
        const name = path("node_modules/esbuild/package.json");
        const manifest = JSON.parse(readFileSync(name, "utf8")) as object;
        writeFileSync(name, JSON.stringify({ ...manifest, version: "99.0.0" }));
      },
    ],
    ["how it is built", () => appendFileSync(path("scripts/dashboard-bundle.ts"), "\n")],
  ];
  for (const [what, change] of changes) {
    it(`builds anew after a change of ${what}`, async () => {
      const first = await run();
      change();
      const second = await run();
      assert.notEqual(second.built, first.built);
      assert.deepEqual(await run(), second);
    });
  }

  it("builds anew where a file of the build is missing or damaged, or a source is gone", async () => {
    const outputs = () => readdirSync(path("dist/dashboard"));
    await run();
    const count = outputs().length;
    for (const end of ["html.br", ".js.gz", "manifest.json", "build.json"]) {
      const output = outputs().find((name) => name.endsWith(end)) ?? "";
      rmSync(join(path("dist/dashboard"), output));
      await run();
      assert.equal(outputs().length, count, end);
    }
    const before = readFileSync(path("dist/dashboard/index.html"));
    writeFileSync(path("dist/dashboard/index.html"), "");
    await run();
    assert.deepEqual(readFileSync(path("dist/dashboard/index.html")), before);
    writeFileSync(path("dist/dashboard/build.json"), '{ "sources": ');
    const { built } = await run();
    rmSync(path("src/dashboard/main.css"));
    await assert.rejects(run(), /main\.css/);
    assert.equal(built, lastBuild(), "what was there stays");
    writeFileSync(path("src/dashboard/main.css"), "");
    assert.notEqual((await run()).built, built);
    assert.deepEqual(readdirSync(path("dist")), ["dashboard"]);
  });

  /** What the script says, and which build lies there afterwards. */
  async function run() {
    const args = [path("scripts/build-dashboard.js")];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
    return { says: stdout, built: lastBuild() };
  }

  function lastBuild(): string {
    const { ino, mtimeMs } = statSync(path("dist/dashboard/manifest.json"));
    return `${ino} ${mtimeMs}`;
  }

  function copy(name: string): void {
    cpSync(join(repository, name), path(name), { recursive: true });
  }
});
