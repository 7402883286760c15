import { writeSync } from "node:fs";
import { type Logger, pino } from "pino";
import pretty from "pino-pretty";

export type { Logger } from "pino";

export const logLevels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Logs to stderr, so that stdout stays free for what a command prints: JSON lines, or readable ones on
 *  a terminal. Messages are constant and in the past tense; facts are fields with units in their names. */
export function createLogger(level: LogLevel): Logger {
  const options = { level, base: null };
  if (!process.stderr.isTTY) return pino(options, { write: writeLine });
  return pino(options, pretty({ destination: 2, sync: true, translateTime: "HH:MM:ss.l" }));
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
