import type { X509Certificate } from "node:crypto";
import { type DerValue, readDer } from "./der.ts";

/** What RFC 5280 lets a certificate say about its use, as far as Node does not report it. */
export interface CertificateFacts {
  /** Bits of KeyUsage, numbered from 0; undefined if it says nothing. */
  readonly keyUsage: ReadonlySet<number> | undefined;
  /** Object identifiers of ExtendedKeyUsage, as hex; undefined if it says nothing. */
  readonly extendedUsage: readonly string[] | undefined;
  readonly isAuthority: boolean;
  /** The most authorities that may be between it and the end; undefined: any number. */
  readonly pathLength: number | undefined;
  /** Critical extensions that are not understood here, so the certificate must not be trusted. Hex. */
  readonly unknownCritical: readonly string[];
  /** Of the algorithm that it was signed with. Hex. */
  readonly signatureAlgorithm: string;
}

export const digitalSignature = 0;
export const keyCertSign = 5;
export const codeSigning = "2b06010505070303";
export const anyUsage = "551d2500";

const ids = { keyUsage: "551d0f", basicConstraints: "551d13", extendedUsage: "551d25" };
/** Names and policies of the certificate, which do not matter here. */
const harmless: ReadonlySet<string> = new Set(["551d11", "551d20", ...Object.values(ids)]);

const trueByte = 0xff;
const booleanTag = 0x01;
const integerTag = 0x02;
const extensionsTag = 0xa3;

/** Throws "invalid-argument" if the certificate is malformed. */
export function factsOf(certificate: X509Certificate): CertificateFacts {
  const [signed, algorithm] = childrenOf(readDer(certificate.raw)[0]);
  const wrapped = childrenOf(signed).find(({ tag }) => tag === extensionsTag);
  const values = new Map<string, Uint8Array>();
  const unknownCritical: string[] = [];
  for (const extension of childrenOf(childrenOf(wrapped)[0])) {
    const [name, ...rest] = childrenOf(extension);
    const id = hex(name?.content);
    const isCritical = rest[0]?.tag === booleanTag && rest[0].content[0] === trueByte;
    if (isCritical && !harmless.has(id)) unknownCritical.push(id);
    values.set(id, rest.at(-1)?.content ?? new Uint8Array());
  }
  return {
    keyUsage: bitsOf(values.get(ids.keyUsage)),
    extendedUsage: usesOf(values.get(ids.extendedUsage)),
    ...constraintsOf(values.get(ids.basicConstraints)),
    unknownCritical,
    signatureAlgorithm: hex(childrenOf(algorithm)[0]?.content),
  };
}

function bitsOf(value: Uint8Array | undefined): ReadonlySet<number> | undefined {
  if (value === undefined) return undefined;
  // A bit string: the number of unused bits comes first.
  const octets = readDer(value)[0]?.content.subarray(1) ?? [];
  const bits = new Set<number>();
  for (const [at, octet] of octets.entries()) {
    for (let bit = 0; bit < 8; bit++) if (octet & (0x80 >> bit)) bits.add(8 * at + bit);
  }
  return bits;
}

function usesOf(value: Uint8Array | undefined): readonly string[] | undefined {
  return value && childrenOf(readDer(value)[0]).map(({ content }) => hex(content));
}

function constraintsOf(
  value: Uint8Array | undefined,
): Pick<CertificateFacts, "isAuthority" | "pathLength"> {
  const parts = value === undefined ? [] : childrenOf(readDer(value)[0]);
  const isAuthority = parts[0]?.tag === booleanTag && parts[0].content[0] === trueByte;
  const length = parts.find(({ tag }) => tag === integerTag);
  return {
    isAuthority,
    pathLength: length && [...length.content].reduce((sum, octet) => 256 * sum + octet, 0),
  };
}

function childrenOf(value: DerValue | undefined): DerValue[] {
  return value === undefined ? [] : readDer(value.content);
}

function hex(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString("hex");
}
