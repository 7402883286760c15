import assert from "node:assert/strict";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { checkFileLength } from "../../tooling/check-file-length.ts";
import { checkFileNames } from "../../tooling/check-file-names.ts";
import { checkFolderSize } from "../../tooling/check-folder-size.ts";
import { checkGen } from "../../tooling/check-gen.ts";
import { checkLayers } from "../../tooling/check-layers.ts";
import { checkLockfile } from "../../tooling/check-lockfile.ts";
import { checkShellScripts } from "../../tooling/check-shell-scripts.ts";
import { checkWorkflow } from "../../tooling/check-workflow.ts";

const repository = join(import.meta.dirname, "../../..");
interface LinterOverride {
  readonly includes: readonly string[];
  readonly linter: {
    readonly rules: {
      readonly style: {
        readonly noRestrictedImports: {
          readonly options: { readonly patterns: { group: string[]; readonly message: string }[] };
        };
      };
    };
  };
}

describe("npm run check", () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "modelport-checks-"));
  });

  afterEach(() => rmSync(root, { recursive: true, force: true }));

  describe("gen/", () => {
    it("finds stale, missing and extra files, and leaves the tree as it was", async () => {
      copy("proto", "buf.yaml", "buf.gen.yaml", "gen");
      const stale = `${read("gen/inference/inference_pb.ts")}\n`;
      write("gen/inference/inference_pb.ts", stale);
      write("gen/inference/extra_pb.ts", "");
      rmSync(join(root, "gen/mmesh/model-runtime_pb.ts"));
      const problems = await checkGen(root, repository);
      assert.deepEqual(problems.slice(0, -1), [
        "gen/inference/extra_pb.ts is extra: no file in proto/ makes it",
        "gen/inference/inference_pb.ts is stale",
        "gen/mmesh/model-runtime_pb.ts is missing",
      ]);
      assert.match(problems.at(-1) ?? "", /npm run generate/);
      assert.equal(read("gen/inference/inference_pb.ts"), stale);
    });

    it("reports definitions that do not compile", async () => {
      copy("buf.yaml", "buf.gen.yaml");
      write("proto/broken.proto", 'syntax = "proto3";\nmessage {');
      const [problem] = await checkGen(root, repository);
      assert.match(problem ?? "", /^buf generate failed: .*broken\.proto/);
    });
  });

  describe("layer rules", () => {
    it("finds a rule that was weakened, one that went too far, and cycles allowed", async () => {
      copy(".gitignore", "package.json");
      const text = readFileSync(join(repository, "biome.json"), "utf8");
      const rules = JSON.parse(
        text.replace('"noImportCycles": "error"', '"noImportCycles": "off"'),
      ) as {
        overrides: LinterOverride[];
      };
      const patternsOf = (folder: string) =>
        rules.overrides.find(({ includes }) => includes[0] === folder)?.linter.rules.style
          .noRestrictedImports.options.patterns;
      for (const pattern of patternsOf("src/service/*.ts") ?? []) {
        pattern.group = [...pattern.group.filter((name) => name !== "**/gen/**"), "!**/gen/**"];
      }
      patternsOf("src/rpc/*.ts")?.push({ group: ["@connectrpc/**"], message: "too far" });
      write("biome.json", JSON.stringify(rules));

      const problems = await checkLayers(root, repository);
      const kinds = new Set(
        problems.map((problem) => problem.replace(/: .*|src\/.*cycle.*/, "").trim()),
      );
      assert.deepEqual(
        [...kinds],
        [
          "the linter accepts in src/service",
          "the linter refuses in src/rpc",
          "the linter accepts",
        ],
      );
      assert.ok(
        problems.some((problem) => problem.includes("import * as") && /gen\//.test(problem)),
      );
      assert.ok(
        problems.some((problem) => problem.includes("export type") && /gen\//.test(problem)),
      );
      assert.ok(problems.some((problem) => problem.includes("= import(") && /gen\//.test(problem)));
    });

    it("finds a folder without rules and a comment that switches a rule off, and nothing else", async () => {
      // `npm run check` tries the rules as they are.
      copy("biome.json", ".gitignore", "package.json");
      write("src/newcomer/thing.ts", "export {};\n");
      write("src/rpc/sly.ts", "// biome-ignore lint/style/noRestrictedImports: just this once\n");
      assert.deepEqual(await checkLayers(root, repository), [
        "src/newcomer is no room: give it a row in scripts/rooms",
        "src/rpc/sly.ts switches a layer rule off",
      ]);
    });
  });

  describe("file length", () => {
    it("accepts 400 lines and names a longer file", () => {
      write("src/rpc/fits.ts", "x\n".repeat(400));
      write("src/rpc/long.ts", "x\n".repeat(401));
      write("src/rpc/long-without-end.ts", `${"x\n".repeat(400)}x`);
      assert.deepEqual(checkFileLength(root).sort(), [
        "src/rpc/long-without-end.ts has 401 lines, at most 400 are allowed",
        "src/rpc/long.ts has 401 lines, at most 400 are allowed",
      ]);
    });

    it("counts tests, and leaves out what is generated", () => {
      write("test/unit/long.test.ts", "x\n".repeat(401));
      write("test/conformance/gen/made_pb.ts", "x\n".repeat(401));
      write("test/clients/node_modules/other.js", "x\n".repeat(401));
      assert.deepEqual(checkFileLength(root), [
        "test/unit/long.test.ts has 401 lines, at most 400 are allowed",
      ]);
    });
  });

  describe("the hosted CI", () => {
    const workflow = (steps: string) =>
      `on:\n  pull_request:\njobs:\n  ci:\n    steps:\n      - uses: checkout\n${steps}`;
    const ownScript = "      - run: .ci/run\n";

    it("is accepted if it runs the script of the repository", () => {
      copy(".ci");
      write(".github/workflows/ci.yml", workflow(ownScript));
      assert.deepEqual(checkWorkflow(root), []);
    });

    it("is refused if it is missing, not YAML, runs something else, or not for pull requests", () => {
      copy(".ci");
      assert.deepEqual(checkWorkflow(root), [".github/workflows/ci.yml is missing"]);
      write(".github/workflows/ci.yml", "jobs: [");
      assert.match(checkWorkflow(root)[0] ?? "", /ci\.yml is not YAML: /);
      write(
        ".github/workflows/ci.yml",
        workflow("      - run: npm test\n").replace("pull_request", "push"),
      );
      assert.deepEqual(checkWorkflow(root), [
        ".github/workflows/ci.yml does not run for pull requests",
        ".github/workflows/ci.yml does not run .ci/run",
        '.github/workflows/ci.yml runs "npm test": move that to .ci/run',
      ]);
    });

    it("is refused if the script leaves out what every change has to pass", () => {
      write(".github/workflows/ci.yml", workflow(ownScript));
      assert.deepEqual(checkWorkflow(root), [".ci/run is missing, or cannot be executed"]);
      write(".ci/run", 'step "tests" npm test\n');
      chmodSync(join(root, ".ci/run"), 0o755);
      assert.deepEqual(checkWorkflow(root), [".ci/run has no step for `npm run check`"]);
    });
  });

  describe("file names", () => {
    it("are unique, but for entries and the translators of each format", () => {
      for (const file of ["rpc/main.ts", "engine/main.ts", "rpc/rest/body.ts"])
        write(`src/${file}`, "");
      for (const format of ["a", "b"]) write(`src/engine/translator/${format}/read.ts`, "");
      assert.deepEqual(checkFileNames(root), []);
      write("src/rpc/grpc/body.ts", "");
      assert.deepEqual(checkFileNames(root), [
        "body.ts is the name of src/rpc/grpc/body.ts and src/rpc/rest/body.ts",
      ]);
    });
  });

  describe("folder size", () => {
    it("accepts 24 sources in a folder and names a fuller one", () => {
      write("src/rpc/README.md", "x\n");
      for (let at = 1; at <= 24; at++) write(`src/rpc/part-${at}.ts`, "");
      assert.deepEqual(checkFolderSize(root), []);
      write("src/rpc/part-25.ts", "");
      assert.deepEqual(checkFolderSize(root), ["src/rpc has 25 files, at most 24 are allowed"]);
    });
  });

  describe("shell scripts", () => {
    it("are named with the line that bash cannot read", () => {
      write(".ci/run", "echo fine\n");
      assert.deepEqual(checkShellScripts(root), []);
      write("test/storage/install.sh", "if true; then\n");
      assert.match(checkShellScripts(root).join(), /test\/storage\/install\.sh: line 2: /);
    });
  });

  describe("lockfile", () => {
    it("accepts packages pinned by hash", () => {
      lock({ "node_modules/a": pinned });
      assert.deepEqual(checkLockfile(root), []);
    });

    it("accepts an optional package for another platform that this one has never seen", () => {
      const foreign = { version: "1.0.0", optional: true, os: ["plan9"], cpu: ["x64"] };
      lock({ "node_modules/a": foreign });
      assert.deepEqual(checkLockfile(root), []);
    });

    it("finds addresses, missing hashes and an empty file", () => {
      lock({
        "node_modules/a": { ...pinned, resolved: "https://host/a.tgz" },
        "node_modules/b": { version: "1.0.0" },
        "node_modules/b/node_modules/c": { version: "1.0.0", inBundle: true },
        "node_modules/d": { version: "1.0.0", optional: true, os: [process.platform] },
      });
      assert.deepEqual(checkLockfile(root), [
        "node_modules/a names an address: https://host/a.tgz",
        "node_modules/b has no hash",
        "node_modules/d has no hash",
      ]);
      lock({});
      assert.deepEqual(checkLockfile(root), ["package-lock.json lists no package"]);
    });

    it("finds dependencies that the file leaves out, and those that stand further up", () => {
      lock({
        "node_modules/a": { ...pinned, dependencies: { b: "1", c: "1" } },
        "node_modules/a/node_modules/b": { ...pinned, optionalDependencies: { c: "1", d: "1" } },
        "node_modules/c": pinned,
      });
      assert.deepEqual(checkLockfile(root), [
        "d, which node_modules/a/node_modules/b needs, is missing",
      ]);
    });

    const pinned = { version: "1.0.0", integrity: "sha512-x" };

    function lock(packages: Record<string, object>): void {
      write("package-lock.json", JSON.stringify({ packages: { "": { name: "x" }, ...packages } }));
    }
  });

  function copy(...paths: string[]): void {
    for (const path of paths) cpSync(join(repository, path), join(root, path), { recursive: true });
  }

  function read(path: string): string {
    return readFileSync(join(root, path), "utf8");
  }

  function write(path: string, text: string): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
});
