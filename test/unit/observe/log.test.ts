import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { pino } from "pino";
import { changeLogLevel } from "../../../src/observe/log.ts";
import { projectRoot } from "../../support/servers/served.ts";

/** Runs a program that has a `log` of level info. */
function runLogging(statements: string) {
  const program = `
    import { createLogger } from "./src/observe/log.ts";
    const log = createLogger("info");
    ${statements}`;
  const args = ["--input-type=module", "--eval", program];
  return spawnSync(process.execPath, args, { cwd: projectRoot, encoding: "utf8" });
}

function messagesOf(lines: string): string[] {
  return lines
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).msg);
}

describe("the log", () => {
  it("is lines of JSON on stderr, without secrets", () => {
    const { stdout, stderr, status } = runLogging(`
      log.info({ modelKey: "5ec4e7", reason: "GET http://a.example/m?sig=5ec4e7" }, "model loaded");
      log.debug({}, "load started");`);
    assert.equal(status, 0, stderr);
    assert.equal(stdout, "");
    const { time, ...line } = JSON.parse(stderr);
    assert.ok(Math.abs(Date.now() - time) < 60_000);
    assert.deepEqual(line, {
      level: 30,
      modelKey: "***",
      reason: "GET http://a.example/m?***",
      msg: "model loaded",
    });
  });

  it("has every line, in order, of turns that have many and of a program that exits", () => {
    const { stderr } = runLogging(`
      // One is longer than what goes out together, and all are less than a pipe holds.
      for (let n = 0; n < 100; n++) {
        log.info({ padding: "ä".repeat(n === 70 ? 3_000 : n) }, "line " + n);
      }
      setImmediate(() => {
        log.info("next turn");
        log.warn("beside");
        log.info("last words");
        process.exit(0);
      });`);
    const expected = Array.from({ length: 100 }, (_, n) => `line ${n}`);
    assert.deepEqual(messagesOf(stderr), [...expected, "next turn", "beside", "last words"]);
  });

  it("has a warning, and what came before, even of a program that is killed in the same turn", () => {
    const { stderr, signal } = runLogging(`
      log.info("before");
      log.warn("warning");
      process.kill(process.pid, "SIGKILL");`);
    assert.equal(signal, "SIGKILL");
    assert.deepEqual(messagesOf(stderr), ["before", "warning"]);
  });

  it("has the last lines of a program that throws", () => {
    const { stderr, status } = runLogging(`
      setImmediate(() => {
        log.info("last words");
        throw new Error("thrown");
      });`);
    assert.notEqual(status, 0);
    assert.match(stderr, /"msg":"last words"/);
  });

  it("tells of a change of its level, whichever way it goes", () => {
    const lines: Record<string, unknown>[] = [];
    const log = pino({ level: "error" }, { write: (line: string) => lines.push(JSON.parse(line)) });
    changeLogLevel(log, "debug");
    log.debug("seen");
    changeLogLevel(log, "silent");
    log.fatal("not seen");
    assert.deepEqual(
      lines.map(({ level, msg, logLevel, formerLogLevel }) => [
        level,
        msg,
        logLevel,
        formerLogLevel,
      ]),
      [
        [30, "log level changed", "debug", "error"],
        [20, "seen", undefined, undefined],
        [30, "log level changed", "silent", "debug"],
      ],
    );
  });
});
