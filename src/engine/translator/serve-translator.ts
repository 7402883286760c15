import { readSync, writeSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { runTranslator } from "./run-translator.ts";
import type { Translate } from "./translation.ts";

const stdin = 0;
const stdout = 1;
const chunkBytes = 16 * 1024;

/** Answers the calls on stdin, one a line, until it ends. Blocks meanwhile: there is nothing else to do. */
export function serveTranslator(translate: Translate): void {
  let isFirst = true;
  for (const line of lines()) {
    writeSync(stdout, runTranslator(line, translate));
    // Node writes it at exit, but translators are killed.
    if (isFirst) flushCompileCache();
    isFirst = false;
  }
}

function* lines(): Generator<string> {
  const chunk = Buffer.alloc(chunkBytes);
  let pieces: Buffer[] = [];
  for (;;) {
    const size = readSync(stdin, chunk, 0, chunkBytes, null);
    if (size === 0) return;
    let rest = Buffer.from(chunk.subarray(0, size));
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const line = Buffer.concat([...pieces, rest.subarray(0, end)]).toString("utf8");
      pieces = [];
      rest = rest.subarray(end + 1);
      yield line;
    }
    if (rest.length > 0) pieces.push(rest);
  }
}
