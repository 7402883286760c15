import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Setting } from "../../../src/setting.ts";
import { settings } from "../../../src/settings.ts";
import { projectRoot } from "../../support/served.ts";

const page = readFileSync(join(projectRoot, "docs/modelmesh.md"), "utf8");
const rows: readonly Setting[] = Object.values(settings);
const found = (pattern: RegExp) => [...page.matchAll(pattern)].map(([, group = ""]) => group);

describe("docs/modelmesh.md", () => {
  it("links to files that there are", () => {
    const links = found(/\]\(([^)#:]+)\)/g);
    assert.ok(links.length > 5);
    for (const link of links) assert.ok(existsSync(join(projectRoot, "docs", link)), link);
  });

  it("speaks of paths in deploy/ and of tests that there are", () => {
    const paths = found(/[ `(](deploy\/[\w./-]*\w)/g);
    assert.ok(paths.length > 3);
    for (const path of paths) assert.ok(existsSync(join(projectRoot, path)), path);
    const overlays = found(/^\| `((?:overlays|examples|base)[\w/-]*)`/gm);
    assert.ok(overlays.length > 5);
    for (const path of overlays) {
      assert.ok(existsSync(join(projectRoot, "deploy/kserve", path, "kustomization.yaml")), path);
    }
    const tests = found(/\(`([a-z-]+)`\)/g);
    assert.equal(tests.length, 4);
    for (const name of tests) {
      const places = ["integration", "unit/tooling"].map((folder) => `test/${folder}`);
      const isThere = places.some((at) => existsSync(join(projectRoot, at, `${name}.test.ts`)));
      assert.ok(isThere, name);
    }
  });

  it("names settings that there are, beside those of ModelMesh", () => {
    const ours = rows.map(({ env }) => env);
    const others = /^(MM_|INTERNAL_GRPC_|SHUTDOWN_TIMEOUT_MS$|NODE_COMPILE_CACHE$)/;
    const names = found(/`([A-Z]+(?:_[A-Z]+)+)[=`]/g);
    assert.ok(names.length > 20);
    for (const name of names) assert.ok(ours.includes(name) || others.test(name), name);
  });

  it("gives the defaults of time limits as they are", () => {
    const limits = [...page.matchAll(/^\| `([A-Z_]+)` +\| (\d+) s/gm)];
    assert.ok(limits.length >= 5);
    for (const [, name, seconds] of limits) {
      const setting = rows.find(({ env }) => env === name);
      assert.equal(setting?.default, Number(seconds) * 1000, name);
    }
  });
});
