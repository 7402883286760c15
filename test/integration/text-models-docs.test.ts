import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  assertPrints,
  markdownExamples,
  programFolder,
  runExample,
  startExampleModels,
} from "../support/docs/markdown-examples.ts";
import { projectRoot, type Served } from "../support/servers/served.ts";

describe("docs/text-models.md", async () => {
  const examples = markdownExamples(
    await readFile(join(projectRoot, "docs/text-models.md"), "utf8"),
  );
  let served: Served;
  let bin: string;
  before(async () => {
    served = await startExampleModels();
    bin = await programFolder();
  });
  after(async () => {
    await served?.stop();
    await rm(bin, { recursive: true, force: true });
  });

  it("has an example for each wire", () => assert.ok(examples.length >= 6));

  for (const example of examples) {
    it(`is right about: ${example.command.split("\n")[0]}`, async () => {
      const command = `export PATH="${bin}:$PATH" MODELPORT_ADDRESS=localhost:${served.port}\n${example.command}`;
      assertPrints(await runExample(command, served.port), example);
    });
  }
});
