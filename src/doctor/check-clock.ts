import { statSync } from "node:fs";
import { type Finding, judgeOf } from "./finding.ts";

/** Whether the clock can be right: certificates, store tokens and Kubernetes depend on it. `builtMs`: when this
 *  program was built; both in milliseconds since 1970. */
export function checkClock(nowMs: number, builtMs: number): Finding {
  const judge = judgeOf("clock");
  const now = new Date(nowMs).toISOString();
  const advice = "set the machine's clock, and keep it in sync with NTP";
  const dayMs = 86_400_000;
  if (nowMs < builtMs - dayMs) {
    return judge("fail", `the clock says ${now}, which is before this program was built`, advice);
  }
  return judge("ok", `the clock says ${now}`);
}

/** When this file was written, if that can be told: npm dates packed files back to 1985. */
export function programTimeMs(): number {
  return Math.max(statSync(new URL(import.meta.url)).mtimeMs, Date.UTC(2026, 10));
}
