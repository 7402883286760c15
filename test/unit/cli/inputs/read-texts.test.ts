import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, describe, it } from "node:test";
import { CommandError } from "../../../../src/cli/command-error.ts";
import { readTexts } from "../../../../src/cli/inputs/read-texts.ts";
import { parseArguments } from "../../../../src/cli/parse-arguments.ts";

describe("the texts of a command", () => {
  const folder = mkdtempSync(join(tmpdir(), "modelport-texts-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const put = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const read = (argv: readonly string[], stdin: string | Buffer = "") => {
    const lines = { value: "FILE", doc: "" };
    const spec = { operands: [{ name: "TEXT", isRepeated: true } as const], options: { lines } };
    const args = parseArguments("embed", spec, { argv: ["MODEL", ...argv], env: {} });
    return readTexts(args.operands.slice(1), args, Readable.from([stdin]));
  };

  it("are its operands as typed", async () => {
    assert.deepEqual(await read(["one", "two words", ""]), ["one", "two words", ""]);
  });

  it("are files and stdin where an operand says so", async () => {
    const file = put("text.txt", "first\nsecond\n");
    assert.deepEqual(await read([`@${file}`, "@-"], "ünï"), ["first\nsecond\n", "ünï"]);
  });

  it("are the lines of a file, behind the operands", async () => {
    const file = put("lines.txt", "a\r\nb\n\nc");
    assert.deepEqual(await read(["x", "--lines", file]), ["x", "a", "b", "", "c"]);
    assert.deepEqual(await read(["--lines", "-"], "a\nb\n"), ["a", "b"]);
  });

  it("are missed with a hint, and refused where they are not UTF-8", async () => {
    const hinted = (reason: unknown) =>
      reason instanceof CommandError && /--lines FILE/.test(reason.advice);
    await assert.rejects(read([]), hinted);
    const file = put("latin1.txt", Buffer.from([0xe4, 0x0a]));
    await assert.rejects(read([`@${file}`]), { message: /latin1\.txt: the text is not UTF-8$/ });
    await assert.rejects(read(["--lines", join(folder, "none")]), {
      message: /^--lines: .*ENOENT/,
    });
  });
});
