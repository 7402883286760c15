import type { X509Certificate } from "node:crypto";
import { RuntimeError } from "../../base/errors.ts";
import {
  anyUsage,
  type CertificateFacts,
  codeSigning,
  digitalSignature,
  factsOf,
  keyCertSign,
} from "./certificate-facts.ts";

export interface ChainParts {
  /** The certificate whose key has signed. */
  readonly leaf: X509Certificate;
  /** Others that came with the signature. Not trusted. */
  readonly others: readonly X509Certificate[];
  /** Trusted: a chain ends at one of them. */
  readonly anchors: readonly X509Certificate[];
  readonly now: Date;
}

/** Longer chains are not searched. */
const maxLength = 8;

/** Forgeries with these are practical: MD2, MD5 and SHA-1, with RSA, DSA and ECDSA. */
const brokenAlgorithms: ReadonlySet<string> = new Set([
  "2a864886f70d010102",
  "2a864886f70d010104",
  "2a864886f70d010105",
  "2b0e03021d",
  "2a8648ce380403",
  "2a8648ce3d0401",
]);

/** Throws "failed-precondition" unless a chain leads from `leaf` to an anchor, all of it is valid now, and `leaf` may
 *  sign. Trust in an anchor may rest on the anchor alone: it need not be its own issuer. */
export function verifyChain(parts: ChainParts): void {
  const facts = checkedFacts(parts.leaf, parts.now);
  checkSigner(parts.leaf, facts);
  if (parts.anchors.some((anchor) => isSame(anchor, parts.leaf))) return;
  const doubts: string[] = [];
  if (climb([parts.leaf], parts, doubts)) return;
  const why = doubts[0] ?? `none of the trusted certificates has issued it`;
  throw refusal(`${shown(parts.leaf)} leads to no trusted certificate: ${why}`);
}

/** Whether `chain`, each certificate issued by the next, can be continued to an anchor. */
function climb(chain: readonly X509Certificate[], parts: ChainParts, doubts: string[]): boolean {
  const child = chain.at(-1);
  if (child === undefined || chain.length > maxLength) return false;
  for (const issuer of [...parts.anchors, ...parts.others]) {
    if (chain.some((each) => isSame(each, issuer)) || !child.checkIssued(issuer)) continue;
    try {
      checkIssuer(child, issuer, { now: parts.now, authoritiesBelow: chain.length - 1 });
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      doubts.push(error.message);
      continue;
    }
    if (parts.anchors.some((anchor) => isSame(anchor, issuer))) return true;
    if (climb([...chain, issuer], parts, doubts)) return true;
  }
  return false;
}

function checkIssuer(
  child: X509Certificate,
  issuer: X509Certificate,
  at: { readonly now: Date; readonly authoritiesBelow: number },
): void {
  const facts = checkedFacts(issuer, at.now);
  if (!facts.isAuthority) throw refusal(`${shown(issuer)} is not an authority's`);
  if (facts.keyUsage?.has(keyCertSign) === false) {
    throw refusal(`${shown(issuer)} may not sign certificates (KeyUsage)`);
  }
  if (facts.pathLength !== undefined && at.authoritiesBelow > facts.pathLength) {
    throw refusal(
      `${shown(issuer)} allows ${facts.pathLength} authorities below it, not ${at.authoritiesBelow}`,
    );
  }
  if (!child.verify(issuer.publicKey)) {
    throw refusal(`${shown(child)} was not signed with the key of ${shown(issuer)}`);
  }
}

function checkedFacts(certificate: X509Certificate, now: Date): CertificateFacts {
  const facts = factsOf(certificate);
  const { validFromDate, validToDate } = certificate;
  if (now < validFromDate) {
    throw refusal(`${shown(certificate)} is valid from ${validFromDate.toISOString()} on`);
  }
  if (now > validToDate) {
    throw refusal(`${shown(certificate)} expired at ${validToDate.toISOString()}`);
  }
  if (facts.unknownCritical.length > 0) {
    throw refusal(`${shown(certificate)} has a critical extension that is not understood`);
  }
  if (brokenAlgorithms.has(facts.signatureAlgorithm)) {
    throw refusal(`${shown(certificate)} was signed with a broken digest`);
  }
  return facts;
}

/** A certificate for web servers of the same authority must not sign models. */
function checkSigner(leaf: X509Certificate, { keyUsage, extendedUsage }: CertificateFacts): void {
  const maySign = keyUsage?.has(digitalSignature) ?? extendedUsage !== undefined;
  const isForCode = extendedUsage?.some((use) => use === codeSigning || use === anyUsage) ?? true;
  if (maySign && isForCode) return;
  throw refusal(
    `${shown(leaf)} may not sign models: expected digitalSignature in its KeyUsage, and codeSigning if it has an ExtendedKeyUsage`,
  );
}

function isSame(one: X509Certificate, other: X509Certificate): boolean {
  return one.fingerprint256 === other.fingerprint256;
}

/** The name of a certificate in one line, such as "the certificate CN=models". */
export function shown({ subject, serialNumber }: X509Certificate): string {
  const name = subject === undefined ? "" : subject.split("\n").join(", ").slice(0, 200);
  return `the certificate ${name || `of serial number ${serialNumber}`}`;
}

function refusal(message: string): RuntimeError {
  return new RuntimeError("failed-precondition", message);
}
