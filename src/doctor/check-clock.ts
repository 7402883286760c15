import { statSync } from "node:fs";
import { type Finding, judgeOf } from "./finding.ts";

/** Whether the clock can be right: certificates, tokens of stores and Kubernetes go by it. `builtMs`: when this
 *  program was made; both in milliseconds since 1970. */
export function checkClock(nowMs: number, builtMs: number): Finding {
  const judge = judgeOf("clock");
  const now = new Date(nowMs).toISOString();
  const advice = "set the clock of the machine, and keep it by NTP";
  const dayMs = 86_400_000;
  if (nowMs < builtMs - dayMs) {
    return judge("fail", `it is ${now}, which is before this program was made`, advice);
  }
  return judge("ok", `it is ${now}`);
}

/** When this very file was written, as far as that can be told: npm dates what it packs back to 1985. */
export function programTimeMs(): number {
  return Math.max(statSync(new URL(import.meta.url)).mtimeMs, Date.UTC(2026, 10));
}
