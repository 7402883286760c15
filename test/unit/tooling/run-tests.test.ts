import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { runTests } from "../../tooling/run-tests.ts";
import { planJobs, readSelection } from "../../tooling/test-jobs.ts";

/** Tried in turn: a busy machine may need longer to start a process and to reach its tests. */
const HANG_LIMITS_MS = [2_000, 10_000, 50_000];

describe("npm test", () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "modelport-run-"));
  });

  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it("adds up all files and ends with one plain line of totals", async () => {
    write(
      "test/unit/a.test.ts",
      "it('passes', () => {}); it.skip('later'); it.todo('some day'); describe.skip('all', () => it('x'));",
    );
    write(
      "test/unit/b.test.ts",
      "describe('b', () => { it('one', () => {}); it('two', () => {}); });",
    );
    write("test/integration/c.test.ts", "it('three', () => {});");
    const { status, output, closing } = await run();
    assert.equal(closing, "4 passed, 0 failed, 3 skipped");
    assert.equal(status, 0);
    assert.match(output, /^test\/unit: 6 tests, 3 skipped in [\d.]+ s, [\d.]+ s of CPU$/m);
    // Node's own totals would count again.
    assert.doesNotMatch(output, /^. (tests|pass|fail) \d/m);
  });

  it("fails if a test fails, and goes on with the other files", async () => {
    write("test/unit/a.test.ts", "it('fails', () => { throw new Error('because'); });");
    write("test/integration/b.test.ts", "it('passes', () => {});");
    const { status, output, closing } = await run();
    assert.equal(closing, "1 passed, 1 failed, 0 skipped");
    assert.equal(status, 1);
    assert.match(output, /because/);
  });

  it("fails if a file cannot be loaded", async () => {
    write("test/unit/a.test.ts", "it('passes', () => {});");
    write("test/integration/b.test.ts", "throw new Error('at import');");
    const { status, closing } = await run();
    assert.equal(closing, "1 passed, 1 failed, 0 skipped");
    assert.equal(status, 1);
  });

  it("fails if a hook fails", async () => {
    write(
      "test/unit/a.test.ts",
      "describe('a', () => { after(() => { throw new Error('x'); }); it('p', () => {}); });",
    );
    const { status, closing } = await run();
    assert.equal(closing, "1 passed, 1 failed, 0 skipped");
    assert.equal(status, 1);
  });

  it("fails if a file has no tests", async () => {
    write("test/unit/a.test.ts", "it('passes', () => {});");
    write("test/integration/b.test.ts", "export {};");
    const { status, output, closing } = await run();
    assert.equal(closing, "1 passed, 1 failed, 0 skipped");
    assert.equal(status, 1);
    assert.match(output, /^✖ test\/integration\/b\.test\.ts has no tests$/m);
  });

  it("fails if no test ran", async () => {
    write("test/unit/a.test.ts", "it.skip('later');");
    for (const argv of [[], ["no-such-file"], ["--test-name-pattern=no such test"]]) {
      const { status, output, closing } = await run(argv);
      assert.match(closing, /^0 passed, 0 failed, [01] skipped$/);
      assert.equal(status, 1, `status for ${argv}`);
      assert.match(output, /^✖ no test ran$/m);
    }
  });

  it("names the test in which a process crashed", async () => {
    write(
      "test/integration/a.test.ts",
      "it('first', () => {}); it('crashes', () => process.kill(process.pid, 'SIGSEGV'));",
    );
    const { status, output, closing } = await run();
    assert.match(closing, /^[01] passed, 1 failed, 0 skipped$/);
    assert.equal(status, 1);
    assert.match(output, /^✖ test\/integration\/a\.test\.ts was ended by SIGSEGV/m);
  });

  it("ends what hangs, naming the test, and what stays after its tests", async () => {
    write(
      "test/integration/a.test.ts",
      `setInterval(() => {}, 1000);
       it("waits for ever", { timeout: 1e9 }, () => new Promise(() => {}));`,
    );
    write("test/integration/b.test.ts", "setInterval(() => {}, 1000); it('passes', () => {});");
    write("test/integration/c.test.ts", "it('passes', () => {});");
    const expected = [
      /^✖ test\/integration\/a\S+ did not end within \d+ s .*waits for ever$/m,
      /^✖ test\/integration\/b\S+ did not end within \d+ s .*open server, timer/m,
      /^2 passed, 2 failed, 0 skipped$/m,
    ];
    let ended = { status: 0, output: "" };
    for (const limitMs of HANG_LIMITS_MS) {
      ended = await run([], limitMs);
      if (expected.every((line) => line.test(ended.output))) break;
    }
    assert.equal(ended.status, 1);
    for (const line of expected) assert.match(ended.output, line);
  });

  it("fails if tests leave a process behind, and ends it", {
    skip: process.platform !== "linux",
  }, async () => {
    write(
      "test/integration/a.test.ts",
      `import { spawn } from "node:child_process";
       it("forgets its child", () => {
         const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)"], { stdio: "ignore" });
         console.log("child", child.pid);
         child.unref();
       });`,
    );
    const { status, output, closing } = await run();
    assert.equal(closing, "1 passed, 1 failed, 0 skipped");
    assert.equal(status, 1);
    assert.match(output, /^✖ test\/integration\/a\.test\.ts left a process behind: .*60_000/m);
    assert.match(stateOf(/^child (\d+)$/m.exec(output)?.[1] ?? ""), /^(gone|Z)$/);
  });

  it("hands tests the environment without the runtime's settings", async () => {
    write(
      "test/unit/a.test.ts",
      `import assert from "node:assert";
       it("sees", () => assert.deepEqual([process.env.ADAPTER_PORT, process.env.KEPT], [undefined, "yes"]));`,
    );
    const { status } = await run([], undefined, { ADAPTER_PORT: "1", KEPT: "yes" });
    assert.equal(status, 0);
  });

  it("runs the named files and the named tests only", async () => {
    write("test/unit/a.test.ts", "it('one', () => {}); it('two', () => {});");
    write("test/unit/b.test.ts", "it('one', () => {});");
    assert.equal((await run(["./test/unit/b"])).closing, "1 passed, 0 failed, 0 skipped");
    const { status, closing } = await run(["--test-name-pattern", "two"]);
    assert.equal(closing, "1 passed, 0 failed, 0 skipped");
    assert.equal(status, 0);
  });

  /** Of a process: its letter in proc(5), Z for one that is dead and not yet waited for. */
  function stateOf(pid: string): string {
    try {
      return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.charAt(0) ?? "";
    } catch {
      return "gone";
    }
  }

  function write(path: string, text: string): void {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `import { after, describe, it } from "node:test";\n${text}\n`);
  }

  async function run(argv: string[] = [], timeoutMs?: number, env: NodeJS.ProcessEnv = {}) {
    let output = "";
    const status = await runTests({
      root,
      argv,
      env: { ...process.env, ...env },
      write: (text) => {
        output += text;
      },
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    return { status, output, closing: output.trimEnd().split("\n").at(-1) ?? "" };
  }

  it("plans unit tests together, other files apart, and files that measure time alone", () => {
    for (const file of [
      "unit/b",
      "unit/sub/a",
      "integration/d",
      "browser/c",
      "integration/m.alone",
    ]) {
      write(`test/${file}.test.ts`, "");
    }
    write("test/support/helper.ts", "");
    const files = planJobs(root, []).map((wave) => wave.map((job) => job.files));
    assert.deepEqual(files, [
      [
        ["test/unit/b.test.ts", "test/unit/sub/a.test.ts"],
        ["test/browser/c.test.ts"],
        ["test/integration/d.test.ts"],
      ],
      [["test/integration/m.alone.test.ts"]],
    ]);
  });
});

describe("the command line of npm test", () => {
  it("tells file filters from options and from their values", () => {
    const words = ["./test/unit", "--", "--test-name-pattern", "a b", "--test-only", "rpc"];
    assert.deepEqual(readSelection(words), {
      filters: ["test/unit", "rpc"],
      options: ["--test-name-pattern=a b", "--test-only"],
    });
  });
});
