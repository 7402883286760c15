import { describeError } from "../base/errors.ts";
import type { Config } from "../config/config.ts";
import { createLogger } from "../observe/log.ts";
import { BearerTokens } from "../rpc/guard/bearer-tokens.ts";
import { isLoopback } from "../rpc/port/loopback.ts";
import { type Finding, judgeOf } from "./finding.ts";

/** Whether the tokens can be read, and whether unintended clients may load and unload models. */
export async function checkAccess({ access, host, tls }: Config): Promise<Finding[]> {
  const judge = judgeOf("access");
  const findings: Finding[] = [];
  const tokens = new BearerTokens(access, createLogger("silent"));
  if (tokens.areUsed) {
    try {
      await tokens.open();
      findings.push(judge("ok", "the tokens can be read"));
    } catch (error) {
      findings.push(
        judge(
          "fail",
          describeError(error),
          "write one token per line, each of at least 16 characters",
        ),
      );
    } finally {
      tokens.close();
    }
  }
  const isReached = host !== "localhost" && !isLoopback(host);
  if (isReached && access.rules.lifecycle === "any") {
    const advice =
      "set LIFECYCLE_ACCESS to authenticated, and LIFECYCLE_TOKENS_PATH or LIFECYCLE_CLIENTS";
    findings.push(
      judge("warn", `any client that can reach ${host} may load and unload models`, advice),
    );
  }
  if (isReached && tls === undefined) {
    const advice =
      "set TLS_CERT_PATH and TLS_KEY_PATH, unless a proxy or mesh encrypts for this server";
    findings.push(judge("warn", `calls from other machines to ${host} are not encrypted`, advice));
  }
  return findings;
}
