import { writeSync } from "node:fs";
import { type Logger, pino } from "pino";
import pretty from "pino-pretty";
import type { LogLevel } from "./log-levels.ts";
import { redact } from "./redaction.ts";

export type { Logger } from "pino";

/** Logs to stderr, so that stdout stays free for what a command prints: JSON lines, or readable ones on
 *  a terminal. Messages are constant and in the past tense; facts are fields with units in their names. */
export function createLogger(level: LogLevel): Logger {
  const options = { level, base: null, hooks: { streamWrite: redact } };
  if (!process.stderr.isTTY) return pino(options, { write: writeLine });
  return pino(options, pretty({ destination: 2, sync: true, translateTime: "HH:MM:ss.l" }));
}

/** Takes effect at once, for every line to come. */
export function changeLogLevel(log: Logger, level: LogLevel): void {
  const facts = { logLevel: level, formerLogLevel: log.level };
  const tell = () => log.info(facts, "log level changed");
  // Whichever of the two levels shows it.
  const isTold = log.isLevelEnabled("info");
  if (isTold) tell();
  log.level = level;
  if (!isTold) tell();
}

let lostCount = 0;

/** A full disk, a pipe that nobody reads: what becomes of the log must not become of the server, which
 *  would end by an error that nobody caught, or wait. Lines are lost then, and counted. */
function writeLine(line: string): void {
  try {
    if (lostCount > 0) {
      const time = Date.now();
      writeSync(
        2,
        `${JSON.stringify({ level: 40, time, lostCount, msg: "log lines were lost" })}\n`,
      );
      lostCount = 0;
    }
    writeSync(2, line);
  } catch {
    lostCount++;
  }
}
