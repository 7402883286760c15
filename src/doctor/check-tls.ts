import type { X509Certificate } from "node:crypto";
import { describeError } from "../base/errors.ts";
import { readRegularFile } from "../base/files/regular-file.ts";
import type { Config } from "../config/config.ts";
import type { TlsSettings } from "../config/tls-settings.ts";
import { checkedCertificate } from "../rpc/port/server-certificate.ts";
import { type Finding, judgeOf } from "./finding.ts";

const dayMs = 86_400_000;
const soonMs = 14 * dayMs;
const judge = judgeOf("TLS");

/** Whether the TLS files are usable, and for how long: what the server would refuse at its start, and what its
 *  clients would refuse. No findings if TLS is off. */
export async function checkTls(
  { tls, allowedHosts }: Pick<Config, "tls" | "allowedHosts">,
  nowMs: number,
): Promise<Finding[]> {
  if (tls === undefined) return [];
  const read = await readFiles(tls);
  if ("problem" in read) {
    return [judge("fail", read.problem, "correct the path, or give this user read permission")];
  }
  let certificate: X509Certificate;
  try {
    certificate = checkedCertificate({ ...tls, ...read });
  } catch (error) {
    const message = `${tls.certPath} and ${tls.keyPath} cannot be used: ${describeError(error)}`;
    return [
      judge(
        "fail",
        message,
        "the key must belong to the first certificate, in PEM, without a passphrase",
      ),
    ];
  }
  return [judgeTime(certificate, nowMs), ...judgeNames(certificate, allowedHosts)];
}

function judgeTime({ validFrom, validTo }: X509Certificate, nowMs: number): Finding {
  const [fromMs, toMs] = [Date.parse(validFrom), Date.parse(validTo)];
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const advice = "renew it; the server picks up the new files without a restart";
  if (nowMs < fromMs) {
    return judge(
      "fail",
      `the certificate is not valid before ${day(fromMs)}`,
      "check the machine's clock, or wait",
    );
  }
  if (nowMs > toMs) return judge("fail", `the certificate expired on ${day(toMs)}`, advice);
  const level = toMs - nowMs < soonMs ? "warn" : "ok";
  return judge(
    level,
    `the certificate is valid until ${day(toMs)}`,
    level === "ok" ? undefined : advice,
  );
}

/** Clients check only the alternative names. */
function judgeNames(certificate: X509Certificate, allowedHosts: readonly string[]): Finding[] {
  if (certificate.subjectAltName === undefined) {
    const message = "the certificate has no subjectAltName, so every client refuses it";
    return [judge("fail", message, "issue it again, with the names that clients use")];
  }
  return allowedHosts
    .filter((host) => certificate.checkHost(host) === undefined)
    .map((host) => {
      const advice =
        "add the name to the certificate, or call the server by a name that it contains";
      return judge(
        "warn",
        `the certificate is not for ${host} (${certificate.subjectAltName})`,
        advice,
      );
    });
}

async function readFiles({ certPath, keyPath, clientCaPath }: TlsSettings) {
  try {
    const [cert, key, ca] = await Promise.all([
      readRegularFile(certPath),
      readRegularFile(keyPath),
      clientCaPath === undefined ? undefined : readRegularFile(clientCaPath),
    ]);
    return { cert, key, ca };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}
