import { type KeyObject, verify } from "node:crypto";
import { describeError, RuntimeError } from "../../base/errors.ts";
import { shown, verifyChain } from "../certificates/verify-chain.ts";
import { digestOf } from "./curve-digest.ts";
import { payloadType, type SignatureBundle } from "./read-bundle.ts";
import type { Trust, TrustedKey } from "./trusted-keys.ts";

/** Returns who has signed the payload, in one line. Throws "failed-precondition" if no one who is trusted has, or
 *  "invalid-argument" if the key is of another kind. */
export function verifyEnvelope(bundle: SignatureBundle, trust: Trust, now: Date): string {
  try {
    return signerOf(bundle, trust, now);
  } catch (error) {
    if (error instanceof RuntimeError) throw error;
    // OpenSSL knows no key of this kind.
    throw refusal(`its key or a certificate cannot be used: ${describeError(error)}`);
  }
}

function signerOf(bundle: SignatureBundle, trust: Trust, now: Date): string {
  const { material } = bundle;
  if (material.kind === "key") return keyThatSigned(bundle, material.hint, trust.keys).name;
  const [leaf, ...others] = material.chain;
  const name = shown(leaf);
  if (trust.anchors.length === 0) {
    throw refusal(`it was made with ${name}, but no certificate is trusted`);
  }
  verifyChain({ leaf, others, anchors: trust.anchors, now });
  if (!isSignedBy(bundle, leaf.publicKey, name)) {
    throw refusal(`its signature is not that of ${name}, or its payload was changed`);
  }
  return name.replace(/^the /, "");
}

function keyThatSigned(
  bundle: SignatureBundle,
  hint: string | undefined,
  keys: readonly TrustedKey[],
): TrustedKey {
  // Releases of the tool before 1.1 do not say which key it was.
  const named = hint === undefined ? keys : keys.filter((each) => each.hint === hint);
  const found = named.find(({ key, name }) => isSignedBy(bundle, key, name));
  if (found !== undefined) return found;
  if (named.length === 0) {
    const what = hint === undefined ? "a key" : `the key ${hint.slice(0, 16)}`;
    throw refusal(`it was made with ${what}, which is not among the ${keys.length} trusted keys`);
  }
  const names = named.map(({ name }) => name).slice(0, 3);
  throw refusal(`its signature is not that of ${names.join(", ")}, or its payload was changed`);
}

/** DSSE: not the payload alone is signed, but also its type. */
function isSignedBy(
  { payload, signature }: SignatureBundle,
  key: KeyObject,
  what: string,
): boolean {
  const head = `DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `;
  return verify(digestOf(key, what), Buffer.concat([Buffer.from(head), payload]), key, signature);
}

function refusal(message: string): RuntimeError {
  return new RuntimeError("failed-precondition", message);
}
