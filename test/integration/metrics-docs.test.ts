import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { settings } from "../../src/config/settings.ts";
import {
  assertPrints,
  markdownExamples,
  runExample,
  startExampleModels,
} from "../support/docs/markdown-examples.ts";
import { projectRoot, type Served } from "../support/servers/served.ts";

describe("docs/metrics.md", async () => {
  const markdown = await readFile(join(projectRoot, "docs/metrics.md"), "utf8");
  const examples = markdownExamples(markdown).filter(({ printed }) => printed !== "");
  let served: Served;
  before(async () => {
    served = await startExampleModels();
  });
  after(async () => {
    await served?.stop();
  });

  it("has no shell block without a test but those of promtool, which prometheus.test.ts runs", () => {
    const blocks = Array.from(markdown.matchAll(/^```sh\n(.*?)^```$/gms), ([, command]) => command);
    const tested = examples.map(({ command }) => command);
    const others = blocks.filter((block) => !tested.includes(block ?? ""));
    assert.equal(tested.length, 2);
    assert.deepEqual(
      others.map((block) => block?.match(/^promtool \w+ rules/gm)?.length),
      [2],
    );
  });

  it("names the settings that there are", () => {
    const named = new Set(markdown.match(/\bMETRICS_\w+/g));
    const known = Object.values(settings)
      .map(({ env }) => env)
      .filter((env) => env.startsWith("METRICS_"));
    assert.deepEqual([...named].sort(), known.sort());
  });

  // In their order: the counts of one are those that the one before it has made.
  for (const example of examples) {
    it(`is right about: ${example.command.split("\n")[0]}`, async () => {
      assertPrints(await runExample(example.command, served.port), example);
    });
  }
});
