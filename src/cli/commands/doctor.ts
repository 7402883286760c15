import { printable } from "../../base/errors.ts";
import { diagnose } from "../../doctor/diagnose.ts";
import type { Finding } from "../../doctor/finding.ts";
import type { ServerCommandInput } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { printJson } from "../show/print-json.ts";
import { count } from "../show/terminal-text.ts";

/** Reports what keeps `serve` from working here, what may, and what to do about it. */
export async function run({ args, flags, env, terminal }: ServerCommandInput) {
  const isJson = args.text("output") === "json";
  const findings: Finding[] = [];
  for await (const finding of diagnose(flags, env)) {
    findings.push(finding);
    if (!isJson) terminal.stdout.write(asText(finding));
  }
  const countOf = (level: Finding["level"]) =>
    findings.filter((finding) => finding.level === level).length;
  const [failures, warnings] = [countOf("fail"), countOf("warn")];
  if (isJson) printJson(terminal, { ok: failures === 0, findings });
  else terminal.stdout.write(`${count(failures, "failure")}, ${count(warnings, "warning")}\n`);
  return failures === 0 ? exitCodes.ok : exitCodes.failed;
}

function asText({ level, check, message, advice }: Finding): string {
  const line = `${level.padEnd(4)}  ${check}: ${printable(message)}\n`;
  return advice === undefined ? line : `${line}      ${printable(advice)}\n`;
}
