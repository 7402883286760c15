import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { pino } from "pino";
import { changeLogLevel } from "../../src/log.ts";
import { projectRoot } from "../support/served.ts";

describe("the log", () => {
  it("is lines of JSON on stderr, without secrets", () => {
    const program = `
      import { createLogger } from "./src/log.ts";
      const log = createLogger("info");
      log.info({ modelKey: "5ec4e7", reason: "GET http://a.example/m?sig=5ec4e7" }, "model loaded");
      log.debug({}, "load started");`;
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ["--input-type=module", "--eval", program],
      { cwd: projectRoot, encoding: "utf8" },
    );
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
