import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";

const stacks = new URL("../../../../src/engine/process/thread-stacks.ts", import.meta.url).href;
const hasLimits = spawnSync("prlimit", ["--version"]).status === 0;

/** What `expression` comes to in a process with a limit. */
function underLimit(limit: string, expression: string): unknown {
  const script = `
    import { checkThreadsFit, threadStackBytes } from ${JSON.stringify(stacks)};
    const tryThreads = (threads) => {
      try {
        checkThreadsFit(threads);
        return "fits";
      } catch (error) {
        return error.kind + ": " + error.message;
      }
    };
    console.log(JSON.stringify(${expression}));`;
  const args = [limit, process.execPath, "--input-type=module", "-e", script];
  const { stdout, stderr } = spawnSync("prlimit", args, { encoding: "utf8" });
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout);
}

describe("stacks of threads", { skip: !hasLimits && "needs prlimit" }, () => {
  it("count by the limit of the system, for all threads but the host's own", () => {
    const besideBytes = 64 * 1024;
    const counts = "[0, 1, 2, 5].map(threadStackBytes)";
    const each = 16 * 1024 * 1024 + besideBytes;
    assert.deepEqual(underLimit("--stack=16777216:", counts), [0, 0, each, 4 * each]);
  });

  it("are refused where the host has no room for them", () => {
    const limit = `--data=${4 * 1024 ** 3}:`;
    assert.equal(underLimit(limit, "tryThreads(4)"), "fits");
    assert.match(
      String(underLimit(limit, "tryThreads(100_000)")),
      /^over-budget: the stacks of 100000 threads need \d+ MiB, and the engine host has \d+ MiB left/,
    );
  });

  it("fit where there is no limit", () => {
    assert.equal(underLimit("--data=unlimited", "tryThreads(100_000)"), "fits");
  });
});
