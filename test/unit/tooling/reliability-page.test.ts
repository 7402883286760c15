import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { projectRoot } from "../../support/servers/served.ts";

const page = readFileSync(join(projectRoot, "docs/reliability.md"), "utf8");
const files = globSync("test/**/*.test.ts", { cwd: projectRoot }).map((file) =>
  file.replaceAll("\\", "/"),
);

/** The cells of every row of the tables that say which test shows what they claim. */
function rows(): string[][] {
  const found: string[][] = [];
  let isOfTable = false;
  for (const line of page.split("\n")) {
    if (!line.startsWith("|")) isOfTable = false;
    else if (/\| Shown by +\|$/.test(line)) isOfTable = true;
    else if (isOfTable && !/^\| -/.test(line)) {
      found.push(
        line
          .split("|")
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );
    }
  }
  return found;
}

describe("docs/reliability.md", () => {
  it("names a test that there is for each of its claims", () => {
    const claims = rows();
    assert.ok(claims.length > 60, `${claims.length} claims`);
    for (const cells of claims) {
      const names = [...(cells.at(-1) ?? "").matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? "");
      assert.ok(names.length > 0, `nothing shows: ${cells[0]}`);
      for (const name of names) {
        const isThere = files.some((file) =>
          new RegExp(`/${name}(\\.alone)?\\.test\\.ts$`).test(file),
        );
        assert.ok(isThere, `there is no test ${name}, which is to show: ${cells[0]}`);
      }
    }
  });
});
