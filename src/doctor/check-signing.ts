import type { Config } from "../config/config.ts";
import { TrustedKeys } from "../signing/check/trusted-keys.ts";
import { type Finding, judgeOf } from "./finding.ts";

const judge = judgeOf("signing");

/** Whether the keys and certificates for signatures of models can be used. No findings if signatures are not checked. */
export function checkSigning({ signing }: Pick<Config, "signing">, now: Date): Finding[] {
  if (signing === undefined) return [];
  const { keys, anchors, problems } = new TrustedKeys().read(signing.trusted);
  const isEmpty = keys.length + anchors.length === 0;
  const findings = problems.map((problem) =>
    judge(isEmpty ? "fail" : "warn", problem, "correct MODEL_SIGNING_KEYS, or the file"),
  );
  if (isEmpty && problems.length === 0) {
    const message = "MODEL_SIGNING_KEYS has no keys yet, so no model is verified";
    findings.push(judge("warn", message, "put public keys or certificates there"));
  }
  for (const { subject, validToDate } of anchors) {
    if (validToDate >= now) continue;
    const name = subject.split("\n").join(", ");
    const message = `the trusted certificate ${name} expired on ${validToDate.toISOString().slice(0, 10)}`;
    findings.push(judge("warn", message, "trust its successor, and sign the models again"));
  }
  if (isEmpty) return findings;
  const trusted = `${keys.length} public keys and ${anchors.length} certificates are trusted`;
  return [...findings, judge("ok", `${trusted}, MODEL_SIGNING is ${signing.mode}`)];
}
