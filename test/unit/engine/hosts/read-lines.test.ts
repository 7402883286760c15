import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { readLines } from "../../../../src/engine/hosts/read-lines.ts";

async function linesOf(...chunks: readonly Buffer[]): Promise<string[]> {
  const stream = new PassThrough();
  const lines: string[] = [];
  readLines(stream, (line) => lines.push(line));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await new Promise((resolve) => stream.on("close", resolve));
  return lines;
}

describe("the lines of a host's stderr", () => {
  it("are whole, whatever the chunks", async () => {
    const bytes = Buffer.from("first\r\nzwölf\n\n  \nlast");
    const expected = ["first", "zwölf", "last"];
    assert.deepEqual(await linesOf(bytes), expected);
    assert.deepEqual(await linesOf(...[...bytes].map((byte) => Buffer.of(byte))), expected);
  });

  it("are cut if they do not end", async () => {
    const lines = await linesOf(...Array.from({ length: 64 }, () => Buffer.alloc(1024, "x")));
    assert.ok(lines.every((line) => line.length <= 8192));
    assert.ok(lines.join("").length >= 8192);
  });
});
