import { type Logger, pino } from "pino";
import pretty from "pino-pretty";

export type { Logger } from "pino";

export const logLevels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Logs to stderr, so that stdout stays free for what a command prints: JSON lines, or readable ones on
 *  a terminal. Messages are constant and in the past tense; facts are fields with units in their names. */
export function createLogger(level: LogLevel): Logger {
  const options = { level, base: null };
  if (!process.stderr.isTTY) return pino(options, pino.destination({ dest: 2, sync: true }));
  return pino(options, pretty({ destination: 2, sync: true, translateTime: "HH:MM:ss.l" }));
}
