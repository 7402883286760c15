import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { comparisons } from "../../../bench/comparisons.ts";
import { replaceSection } from "../../../bench/docs-section.ts";
import { judge } from "../../../bench/judge.ts";
import type { Results } from "../../../bench/results.ts";
import { renderResults } from "../../../bench/table.ts";

const repository = join(import.meta.dirname, "../../..");
const resultsFile = join(repository, "bench/results/published.json");
const skip = existsSync(resultsFile) ? false : "no results have been published yet";

describe("docs/performance.md", { skip }, () => {
  it("shows the published results as the bench renders them", () => {
    const page = readFileSync(join(repository, "docs/performance.md"), "utf8");
    assert.equal(page, replaceSection(page, renderResults(readPublished())));
  });

  it("shows a full run, with every target of the areas in it", () => {
    const { options, measurements } = readPublished();
    assert.equal(options.quick, false);
    const shown = new Set(judge(comparisons, measurements).map(({ comparison }) => comparison));
    const areas = new Set(measurements.map(({ id }) => id.split("/", 1)[0]));
    const missing = comparisons.filter(
      (row) => row.target !== undefined && areas.has(row.of.split("/", 1)[0]) && !shown.has(row),
    );
    assert.deepEqual(missing, []);
  });
});

function readPublished(): Results {
  return JSON.parse(readFileSync(resultsFile, "utf8"));
}
