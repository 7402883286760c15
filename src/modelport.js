#!/usr/bin/env -S MALLOC_TRIM_THRESHOLD_=131072 node --max-semi-space-size=4
// The command `modelport`. Old Nodes can read this file, so that they can say what is wrong; the
// program starts in cli.ts, or in cli.js where the sources are compiled.

import { existsSync } from "node:fs";
import * as nodeModule from "node:module";
import { fileURLToPath } from "node:url";
import requireNode from "./require-node.cjs";

requireNode();

// Node strips types everywhere but under node_modules: there only compiled files can run.
const compiled = new URL("./cli.js", import.meta.url);
const entry = existsSync(fileURLToPath(compiled)) ? compiled : new URL("./cli.ts", import.meta.url);

// Halves the start, and that of engine hosts, which get the same folder; where it cannot be written
// Node goes without.
const { env } = process;
if (!env.NODE_COMPILE_CACHE) {
  const cache = new URL("../node_modules/.cache/modelport", import.meta.url);
  env.NODE_COMPILE_CACHE = fileURLToPath(cache);
}
nodeModule.enableCompileCache(env.NODE_COMPILE_CACHE);

// Dynamic, since a static import would be resolved before the check above runs.
void import(entry.href)
  .then(({ runProgram }) => {
    const { argv, stdin, stdout, stderr } = process;
    return runProgram({ argv: argv.slice(2), env, stdin, stdout, stderr });
  })
  .then((exitCode) => {
    // Not process.exit, which would cut output that a pipe has not taken yet.
    if (exitCode !== undefined) process.exitCode = exitCode;
  });
