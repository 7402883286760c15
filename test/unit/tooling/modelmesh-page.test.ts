import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Setting } from "../../../src/config/setting.ts";
import { settings } from "../../../src/config/settings.ts";
import { projectRoot } from "../../support/servers/served.ts";

const page = readFileSync(join(projectRoot, "docs/modelmesh.md"), "utf8");
const rows: readonly Setting[] = Object.values(settings);
const found = (pattern: RegExp) => [...page.matchAll(pattern)].map(([, group = ""]) => group);

describe("docs/modelmesh.md", () => {
  it("links to files that there are", () => {
    const links = found(/\]\(([^)#:]+)\)/g);
    assert.ok(links.length > 5);
    for (const link of links) assert.ok(existsSync(join(projectRoot, "docs", link)), link);
  });

  it("links to headings that there are, here and on other pages", () => {
    const links = [...page.matchAll(/\]\(([^)#:]*)#([^)]+)\)/g)];
    assert.ok(links.length > 5);
    for (const [, file = "", anchor = ""] of links) {
      const text = file === "" ? page : readFileSync(join(projectRoot, "docs", file), "utf8");
      const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
        heading
          .toLowerCase()
          .replaceAll(/[^\w -]/g, "")
          .replaceAll(" ", "-"),
      );
      assert.ok(headings.includes(anchor), `${file}#${anchor}`);
    }
  });

  it("gives the age of the churn guard as it follows from the time limits of loads", () => {
    const guardS = (loadMs: number) => 10 * Math.max(3, loadMs / 3_000);
    const [, inDeploy] =
      /LOADTIME_TIMEOUT\n +value: "(\d+)"/.exec(
        readFileSync(join(projectRoot, "deploy/kserve/base/serving-runtime.yaml"), "utf8"),
      ) ?? assert.fail("deploy/ has no LOADTIME_TIMEOUT");
    const [, byDefault, minutes] =
      /`10 × max\(3 s, LOADTIME_TIMEOUT \/ 3\)` ago: (\d+) s with the default of 30 s, and (\w+) minutes with the 90 s/.exec(
        page,
      ) ?? assert.fail("no formula");
    assert.equal(guardS(settings["load-timeout"].default), Number(byDefault));
    assert.equal(
      guardS(Number(inDeploy)) / 60,
      ["", "one", "two", "three", "four", "five"].indexOf(minutes ?? ""),
    );
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
    const others =
      /^(MM_|INTERNAL_GRPC_|SHUTDOWN_TIMEOUT_MS$|CUSTOM_JVM_ARGS$|NODE_COMPILE_CACHE$|STORAGE_SDKS$)/;
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
