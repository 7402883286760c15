import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  assertPrints,
  markdownExamples,
  programFolder,
  runExample,
} from "../support/docs/markdown-examples.ts";
import { projectRoot } from "../support/servers/served.ts";

describe("docs/configuration.md", async () => {
  const page = await readFile(join(projectRoot, "docs/configuration.md"), "utf8");
  const examples = markdownExamples(page);
  let bin: string;
  before(async () => {
    bin = await programFolder();
  });
  after(() => rm(bin, { recursive: true, force: true }));

  it("shows what every command prints", () => {
    const commands = [...page.matchAll(/^```sh$/gm)];
    assert.ok(commands.length > 0);
    assert.equal(examples.length, commands.length);
  });

  for (const example of examples) {
    it(`is right about: ${example.command.split("\n")[0]}`, async () => {
      // No port is asked: none of them serves.
      assertPrints(await runExample(`export PATH="${bin}:$PATH"\n${example.command}`, 0), example);
    });
  }
});
