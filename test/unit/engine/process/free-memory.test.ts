import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { hostKeeping, libraryEnvironment } from "../../../../src/engine/hosts/environment.ts";
import { returnsFreeMemory } from "../../../../src/engine/process/free-memory.ts";

const run = promisify(execFile);

/** Takes 64 MiB in blocks, keeps a small one behind each, frees the big ones, and gives back. Prints MiB of private
 *  memory before, with all, and after. */
const program = `
  const { giveBackFreeMemory } = await import(process.argv[1]);
  const { statmBytes } = await import(process.argv[2]);
  const mib = () => Math.round(statmBytes().anonymousBytes / 2 ** 20);
  giveBackFreeMemory(128 * 2 ** 20);
  const before = mib();
  const big = [];
  const small = [];
  for (let at = 0; at < 64; at++) {
    big.push(Buffer.allocUnsafeSlow(2 ** 20).fill(1).buffer);
    small.push(Buffer.allocUnsafeSlow(64).fill(1));
  }
  const most = mib();
  for (const block of big) block.transfer(0);
  const kept = mib();
  giveBackFreeMemory(128 * 2 ** 20);
  console.log(JSON.stringify({ before, most, kept, after: mib(), blocks: small.length }));
`;

/** Gives back several times. Prints how often V8 collected all garbage meanwhile. */
const repeated = `
  const { constants, PerformanceObserver } = await import("node:perf_hooks");
  const { giveBackFreeMemory } = await import(process.argv[1]);
  giveBackFreeMemory(128 * 2 ** 20);
  let count = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { detail } of list.getEntries()) {
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) count++;
    }
  });
  observer.observe({ entryTypes: ["gc"] });
  for (let time = 0; time < 8; time++) giveBackFreeMemory(128 * 2 ** 20);
  await new Promise((resolve) => setTimeout(resolve, 50));
  console.log(count);
`;

async function printed(text: string): Promise<string> {
  const modules = ["free-memory", "memory-counters"].map(
    (name) => new URL(`../../../../src/engine/process/${name}.ts`, import.meta.url).href,
  );
  const args = ["--input-type=module", "--disable-warning=ExperimentalWarning", "-e", text];
  const env = libraryEnvironment(hostKeeping(0));
  return (await run(process.execPath, [...args, ...modules], { env })).stdout;
}

describe("memory that is free in a process", () => {
  const skip = !returnsFreeMemory();

  it("goes back without a collection of JavaScript's garbage", { skip }, async () => {
    assert.equal((await printed(repeated)).trim(), "0");
  });

  it("stays while it may be needed, and goes back to the system when told", { skip }, async () => {
    const stdout = await printed(program);
    const { before, most, kept, after } = JSON.parse(stdout) as Record<string, number>;
    assert.ok(before !== undefined && most !== undefined && kept !== undefined);
    assert.ok(most >= before + 60, stdout);
    assert.ok(kept >= most - 4, stdout);
    assert.ok(after !== undefined && after <= before + 8, stdout);
  });
});
