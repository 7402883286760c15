import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { commandTable } from "../../src/cli/command-table.ts";
import { exitCodes } from "../../src/cli/exit-code.ts";
import { serverCommands } from "../../src/cli/server-commands.ts";
import {
  assertPrints,
  markdownExamples,
  programFolder,
  runExample,
  startExampleModels,
  withoutFigures,
} from "../support/docs/markdown-examples.ts";
import { projectRoot, type Served } from "../support/servers/served.ts";

describe("docs/cli.md", async () => {
  const page = await readFile(join(projectRoot, "docs/cli.md"), "utf8");
  const examples = markdownExamples(page);
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

  it("has every command and every exit code", () => {
    const names = [...Object.keys(commandTable), ...Object.keys(serverCommands)];
    for (const name of [...names, "serve", "completion"]) {
      assert.match(page, new RegExp(`^\\| \`${name}\\b`, "m"));
    }
    for (const code of Object.values(exitCodes))
      assert.match(page, new RegExp(`^\\| ${code} +\\|`, "m"));
  });

  for (const example of examples) {
    it(`is right about: ${example.command.split("\n")[0]}`, async () => {
      const command = `export PATH="${bin}:$PATH" MODELPORT_ADDRESS=localhost:${served.port}\n${example.command}`;
      const printed = await runExample(command, served.port);
      assertPrints(withoutFigures(printed), {
        ...example,
        printed: withoutFigures(example.printed),
      });
    });
  }
});
