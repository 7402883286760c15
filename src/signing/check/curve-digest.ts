import type { KeyObject } from "node:crypto";
import { RuntimeError } from "../../base/errors.ts";

const digests: Readonly<Record<string, string>> = {
  prime256v1: "sha256",
  secp384r1: "sha384",
  secp521r1: "sha512",
};

/** The digest that ECDSA takes with the curve of a key in OpenSSF Model Signing. Throws "invalid-argument" for other
 *  keys. `what` names the key. */
export function digestOf(key: KeyObject, what: string): string {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const curve = type === "ec" ? (details?.namedCurve ?? "") : "";
  const digest = Object.hasOwn(digests, curve) ? digests[curve] : undefined;
  if (digest !== undefined) return digest;
  throw new RuntimeError(
    "invalid-argument",
    `${what} is of type ${type}${curve && ` with the curve ${curve}`}, expected an elliptic curve P-256, P-384 or P-521`,
  );
}
