import { writeSync } from "node:fs";
import { type Logger, pino } from "pino";
import pretty from "pino-pretty";
import type { LogLevel } from "../config/log-levels.ts";
import { redact } from "./redaction.ts";

export type { Logger } from "pino";

/** Logs to stderr, so that stdout stays free for a command's output: JSON lines, or readable ones on a
 *  terminal. Messages are constant and in the past tense; facts are fields with units in their names. */
export function createLogger(level: LogLevel): Logger {
  const options = { level, base: null, hooks: { streamWrite: redact } };
  if (!process.stderr.isTTY) {
    process.off("exit", writeWaiting).once("exit", writeWaiting);
    return pino(options, { write: takeLine });
  }
  return pino(options, pretty({ destination: 2, sync: true, translateTime: "HH:MM:ss.l" }));
}

/** Takes effect at once, for all later lines. */
export function changeLogLevel(log: Logger, level: LogLevel): void {
  const facts = { logLevel: level, formerLogLevel: log.level };
  const tell = () => log.info(facts, "log level changed");
  // Logs at whichever of the two levels shows the line.
  const isTold = log.isLevelEnabled("info");
  if (isTold) tell();
  log.level = level;
  if (!isTold) tell();
}

/** A pipe takes writes up to this size whole or not at all. */
const wholeBytes = 4096;

/** The lines of this turn of the event loop. */
let waiting: string[] = [];
let waitingBytes = 0;
let lostCount = 0;

/** A line is written at the end of the turn, together with the turn's other lines: a write wakes the log's
 *  reader, which takes longer than a response, and the client would wait for it. Warnings and errors are
 *  written at once, because this turn may be the last one. */
function takeLine(line: string): void {
  const bytes = Buffer.byteLength(line);
  if (waitingBytes + bytes > wholeBytes) writeWaiting();
  waiting.push(line);
  waitingBytes += bytes;
  if (isUrgent(line)) writeWaiting();
  else if (waiting.length === 1) setImmediate(writeWaiting);
}

/** The start of a line as pino writes it: `{"level":40`. */
function isUrgent(line: string): boolean {
  return line.charAt(9) >= "4";
}

/** Keeps the server alive if the log fails, as with a full disk or a pipe without a reader. Otherwise the
 *  server would end with an uncaught error, or block. Such lines are lost, and counted. */
function writeWaiting(): void {
  const lines = waiting;
  if (lines.length === 0) return;
  waiting = [];
  waitingBytes = 0;
  try {
    if (lostCount > 0) {
      const time = Date.now();
      writeSync(
        2,
        `${JSON.stringify({ level: 40, time, lostCount, msg: "log lines were lost" })}\n`,
      );
      lostCount = 0;
    }
    writeSync(2, lines.join(""));
  } catch {
    lostCount += lines.length;
  }
}
