import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  assertPrints,
  markdownExamples,
  runExample,
  startExampleModels,
} from "../support/docs/markdown-examples.ts";
import { projectRoot, type Served } from "../support/servers/served.ts";

describe("docs/watch.md", async () => {
  const examples = markdownExamples(await readFile(join(projectRoot, "docs/watch.md"), "utf8"));
  let served: Served;
  before(async () => {
    served = await startExampleModels();
  });
  after(async () => {
    await served?.stop();
  });

  it("has an example of a snapshot and one of the changes", () => {
    const commands = examples.map(({ command }) => command).join("\n");
    assert.ok(commands.includes("RuntimeWatchService/GetSnapshot"));
    assert.ok(commands.includes("/modelport/v1/watch"));
  });

  for (const example of examples) {
    it(`is right about: ${example.command.split("\n")[0]}`, async () => {
      assertPrints(await runExample(example.command, served.port), example);
    });
  }
});
