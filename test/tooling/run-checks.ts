import { availableParallelism } from "node:os";
import { join } from "node:path";
import { checkDocPaths } from "./check-doc-paths.ts";
import { checkDocs } from "./check-docs.ts";
import { checkFileLength } from "./check-file-length.ts";
import { checkFileNames } from "./check-file-names.ts";
import { checkFolderSize } from "./check-folder-size.ts";
import { checkGen } from "./check-gen.ts";
import { checkLayers } from "./check-layers.ts";
import { checkLockfile } from "./check-lockfile.ts";
import { checkShellScripts } from "./check-shell-scripts.ts";
import { checkWorkflow } from "./check-workflow.ts";
import { runTool } from "./command.ts";
import { inParallel } from "./in-parallel.ts";

/** A check. `run` resolves with its problems, one line or block each; none means that all is well. */
interface Check {
  readonly name: string;
  readonly run: () => string[] | Promise<string[]>;
}

const root = join(import.meta.dirname, "../..");

/** The slowest first, so that they overlap best. */
const checks: readonly Check[] = [
  tool("format and lint", "biome", "ci", "--colors=off", "--error-on-warnings"),
  tool("unused code", "knip", "--no-progress"),
  tool("types", "tsc"),
  tool("types of the page", "tsc", "--project", "src/dashboard"),
  { name: "layer rules refuse planted imports", run: () => checkLayers(root) },
  { name: "every gen/ is what its proto/ makes", run: () => checkGen(root) },
  tool("wire definitions", "buf", "lint"),
  { name: "file length", run: () => checkFileLength(root) },
  { name: "file names are unique", run: () => checkFileNames(root) },
  { name: "folder size", run: () => checkFolderSize(root) },
  { name: "docs are what the code makes them", run: () => checkDocs(root) },
  { name: "paths that docs name exist", run: () => checkDocPaths(root) },
  { name: "lockfile", run: () => checkLockfile(root) },
  { name: "the hosted CI runs .ci/run", run: () => checkWorkflow(root) },
  { name: "shell scripts can be read", run: () => checkShellScripts(root) },
];

function tool(name: string, ...command: [string, ...string[]]): Check {
  const run = async () => {
    const { status, stdout, stderr } = await runTool(root, command);
    if (status === 0) return [];
    return [`\`${command.join(" ")}\` ended with status ${status}\n${stdout}${stderr}`.trimEnd()];
  };
  return { name, run };
}

async function runCheck({ name, run }: Check): Promise<boolean> {
  const startedMs = performance.now();
  const problems = await run();
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  process.stdout.write(`${problems.length === 0 ? "✔" : "✖"} ${name} (${seconds} s)\n`);
  for (const problem of problems) process.stdout.write(`${problem.replace(/^/gm, "    ")}\n`);
  return problems.length === 0;
}

let failed = 0;
await inParallel(checks, Math.min(4, availableParallelism()), async (check) => {
  if (!(await runCheck(check))) failed++;
});
process.stdout.write(failed === 0 ? "all checks hold\n" : `${failed} checks fail\n`);
process.exitCode = failed === 0 ? 0 : 1;
