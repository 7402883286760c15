import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";

/** What bash has against the syntax of the scripts that CI and the tests run. */
export function checkShellScripts(root: string): string[] {
  const scripts = [".ci/run", ...globSync("{test,bench,deploy,scripts}/**/*.sh", { cwd: root })];
  return scripts.flatMap((script) => {
    const { status, stderr, error } = spawnSync("bash", ["-n", script], {
      cwd: root,
      encoding: "utf8",
    });
    if (error !== undefined) return [`bash cannot be started: ${error.message}`];
    return status === 0 ? [] : [stderr.trimEnd()];
  });
}
