import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { commandTable } from "../../../src/cli/command-table.ts";
import { completionScript } from "../../../src/cli/completion.ts";
import { serverCommands } from "../../../src/cli/server-commands.ts";
import { settings } from "../../../src/config/settings.ts";

/** How a shell is asked whether it can read a script. (That of fish only defines things.) */
const shells = {
  bash: (script: string) => ["bash", "-n", "-c", script],
  zsh: (script: string) => ["zsh", "-n", "-c", script],
  fish: (script: string) => ["fish", "-c", script],
} as const;

describe("the completion script", () => {
  for (const [shell, commandFor] of Object.entries(shells)) {
    it(`of ${shell} knows every command and option`, () => {
      const script = completionScript(shell);
      const names = [
        ...Object.keys(commandTable),
        ...Object.values(commandTable).flatMap(({ options }) => Object.keys(options)),
        ...Object.keys(serverCommands),
        ...Object.keys(settings),
        ...["serve", "completion", "help"],
      ];
      for (const name of names) assert.ok(script.includes(name), `${name} is missing`);
    });

    const isThere = spawnSync(shell, ["--version"]).status === 0;
    const skip = isThere ? false : `${shell} is not installed`;
    it(`of ${shell} can be read by ${shell}`, { skip }, () => {
      const [program = "", ...args] = commandFor(completionScript(shell));
      const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
      assert.equal(status, 0, stderr);
      assert.equal(stderr, "");
    });
  }

  for (const [line, expected] of [
    ["modelport st", ["status"]],
    ["modelport status --out", ["--output"]],
    ["modelport status --output ", ["text", "json"]],
    ["modelport models -o ", ["text", "json", "names"]],
    ["modelport probe ", ["ready", "live", "model"]],
    ["modelport load ", ["a-model", "b-model"]],
    ["modelport probe model b", ["b-model"]],
    ["modelport completion z", ["zsh"]],
    ["modelport serve --log-lev", ["--log-level"]],
    ["modelport serve --lifecycle-access ", ["local", "authenticated", "any"]],
    ["modelport conf", ["config"]],
    ["modelport config --output ", ["text", "json", "yaml"]],
    ["modelport config --lifecycle-access ", ["local", "authenticated", "any"]],
  ] as const) {
    it(`makes bash complete "${line}"`, () => {
      const words = line.split(" ").map((word) => `'${word}'`);
      const { stdout, stderr } = spawnSync("bash", ["--norc"], {
        encoding: "utf8",
        input: [
          // In place of the program, which would ask a runtime.
          "modelport() { printf 'a-model\\nb-model\\n'; }",
          completionScript("bash"),
          `COMP_WORDS=(${words.join(" ")}); COMP_CWORD=${words.length - 1}; _modelport`,
          `printf "%s\\n" "\${COMPREPLY[@]}"`,
        ].join("\n"),
      });
      assert.equal(stderr, "");
      assert.deepEqual(stdout.trim().split("\n"), expected);
    });
  }
});
