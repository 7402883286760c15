import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { checkDocPaths } from "../../tooling/check-doc-paths.ts";

describe("checkDocPaths", () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "modelport-doc-paths-"));
    write("src/engine/queue/batch-gain.ts", "");
    write("docs/pictures/page.png", "");
  });

  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it("accepts files, folders, globs, names of source files and links that exist", () => {
    write(
      "docs/architecture.md",
      [
        "`src/engine/queue/batch-gain.ts`, `src/engine/`, `./src/engine/queue`, `src/engine/*/batch-*.ts`,",
        "`src/{engine,rpc}/queue/batch-gain.ts:12`, `batch-gain.ts`, `queue/batch-gain.ts`, `batch-*.ts`",
        "![page](pictures/page.png) [gain](../src/engine/queue/batch-gain.ts#L1) [above](#the-gain-and-its-cost)",
        "## The gain, and `its` cost",
        "[site](https://modelport.invalid/docs/none.md) and `modelport serve --config /src/none.yaml`",
      ].join("\n"),
    );
    assert.deepEqual(checkDocPaths(root), []);
  });

  it("finds paths in code that do not exist, with the page and the line", () => {
    write(
      "README.md",
      "All is well.\n\nThe host (`src/engine/engine-host.ts`) and `gain.ts` are gone.",
    );
    assert.deepEqual(checkDocPaths(root), [
      "README.md:3 names src/engine/engine-host.ts, which does not exist",
      "README.md:3 names gain.ts, which does not exist",
    ]);
  });

  it("finds paths among the words of a command", () => {
    write("CONTRIBUTING.md", "`node test/none.ts --quick` and `cp docs/none.md,docs/pictures .`");
    assert.deepEqual(checkDocPaths(root), [
      "CONTRIBUTING.md:1 names test/none.ts, which does not exist",
      "CONTRIBUTING.md:1 names docs/none.md,docs/pictures, which does not exist",
    ]);
  });

  it("finds globs that match nothing", () => {
    write("SECURITY.md", "`src/engine/*/join-*.ts` and `join-*.ts`");
    assert.deepEqual(checkDocPaths(root), [
      "SECURITY.md:1 names src/engine/*/join-*.ts, which does not exist",
      "SECURITY.md:1 names join-*.ts, which does not exist",
    ]);
  });

  it("finds links to nothing, read from the page's own folder", () => {
    write("src/engine/README.md", "[gain](queue/batch-gain.ts) [page](docs/pictures/page.png)");
    assert.deepEqual(checkDocPaths(root), [
      "src/engine/README.md:1 links to docs/pictures/page.png, which does not exist",
    ]);
  });

  it("finds links to headings that their page does not have", () => {
    write(
      "docs/memory.md",
      "# Memory\n\n[here](#sizes) [there](speed.md#memory) [real](speed.md#speed)",
    );
    write("docs/speed.md", "# Speed");
    assert.deepEqual(checkDocPaths(root), [
      "docs/memory.md:3 links to #sizes, which does not exist",
      "docs/memory.md:3 links to speed.md#memory, which does not exist",
    ]);
  });

  function write(path: string, text: string): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
});
