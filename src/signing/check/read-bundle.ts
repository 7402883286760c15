import { X509Certificate } from "node:crypto";
import { RuntimeError } from "../../base/errors.ts";
import { base64, exactly, list, object, parseObject, string } from "./bundle-fields.ts";

/** A Sigstore bundle, read but not verified. */
export interface SignatureBundle {
  /** The signed bytes, an in-toto statement. */
  readonly payload: Buffer;
  readonly signature: Buffer;
  /** What the signature says it was made with. */
  readonly material:
    | { readonly kind: "key"; readonly hint: string | undefined }
    | {
        readonly kind: "certificates";
        readonly chain: readonly [X509Certificate, ...X509Certificate[]];
      };
}

export const payloadType = "application/vnd.in-toto+json";

const mediaTypes =
  /^application\/vnd\.dev\.sigstore\.bundle(\.v0\.[123]\+json|\+json;version=0\.[123])$/;
const maxCertificates = 20;

/** Throws "invalid-argument" if `text` is not a bundle with one DSSE envelope. */
export function readBundle(text: string): SignatureBundle {
  const bundle = parseObject(text, "the bundle");
  const { mediaType, verificationMaterial, dsseEnvelope } = bundle;
  if (typeof mediaType !== "string" || !mediaTypes.test(mediaType)) {
    const found = typeof mediaType === "string" ? `'${mediaType.slice(0, 100)}'` : typeof mediaType;
    throw new RuntimeError(
      "invalid-argument",
      `mediaType is ${found}, expected that of a Sigstore bundle of version 0.1 to 0.3`,
    );
  }
  const envelope = object(dsseEnvelope, "dsseEnvelope");
  exactly(envelope["payloadType"], payloadType, "dsseEnvelope.payloadType");
  const signatures = list(envelope["signatures"], "dsseEnvelope.signatures");
  if (signatures.length !== 1) {
    throw new RuntimeError(
      "invalid-argument",
      `dsseEnvelope.signatures has ${signatures.length} elements, expected one`,
    );
  }
  const signature = object(signatures[0], "dsseEnvelope.signatures[0]");
  return {
    payload: base64(envelope["payload"], "dsseEnvelope.payload"),
    signature: base64(signature["sig"], "dsseEnvelope.signatures[0].sig"),
    material: readMaterial(object(verificationMaterial, "verificationMaterial")),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function readMaterial(material: Fields): SignatureBundle["material"] {
  const { publicKey, x509CertificateChain, certificate } = material;
  if (publicKey !== undefined) {
    const { hint } = object(publicKey, "verificationMaterial.publicKey");
    const isGiven = hint !== undefined && hint !== null && hint !== "";
    const where = "verificationMaterial.publicKey.hint";
    return { kind: "key", hint: isGiven ? string(hint, where) : undefined };
  }
  const where = "verificationMaterial.x509CertificateChain";
  const certificates =
    certificate === undefined
      ? list(object(x509CertificateChain, where)["certificates"], `${where}.certificates`)
      : [certificate];
  if (certificates.length > maxCertificates) {
    throw new RuntimeError(
      "invalid-argument",
      `${where} has ${certificates.length} certificates, expected at most ${maxCertificates}`,
    );
  }
  const [leaf, ...others] = certificates.map((each, at) =>
    readCertificate(each, `${where}[${at}]`),
  );
  if (leaf === undefined) {
    throw new RuntimeError("invalid-argument", `${where} has no certificate`);
  }
  return { kind: "certificates", chain: [leaf, ...others] };
}

function readCertificate(value: unknown, where: string): X509Certificate {
  const bytes = base64(object(value, where)["rawBytes"], `${where}.rawBytes`);
  try {
    return new X509Certificate(bytes);
  } catch {
    throw new RuntimeError("invalid-argument", `${where} is not a certificate`);
  }
}
