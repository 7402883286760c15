import type { SettingRows } from "./setting.ts";

const accessLogCalls = ["off", "failures", "all"] as const;

/** Which calls get a line of their own in the log. */
export interface AccessLog {
  readonly calls: (typeof accessLogCalls)[number];
  /** Lines per second for successful calls, and as many for failed ones; 0 is no limit. */
  readonly maxLinesPerSecond: number;
}

/** The access log rows of src/config/settings.ts. */
export const accessLogSettings = {
  "access-log": {
    env: "ACCESS_LOG",
    type: "choice",
    choices: accessLogCalls,
    default: "off",
    doc: "calls that get an access log line, with duration and bytes: none, failed calls, or all",
  },
  "access-log-rate": {
    env: "ACCESS_LOG_RATE",
    type: "integer",
    default: 100,
    min: 0,
    max: 1_000_000,
    doc: "maximum access log lines per second, counted separately for failed calls; lines beyond it are dropped and counted; 0 is no limit",
  },
} as const satisfies SettingRows;

type Raw = Readonly<Record<keyof typeof accessLogSettings, string | number | undefined>>;

export function readAccessLog(raw: Raw): AccessLog {
  return {
    calls: raw["access-log"] as AccessLog["calls"],
    maxLinesPerSecond: raw["access-log-rate"] as number,
  };
}
