import { RuntimeError } from "../../base/errors.ts";

/** A value of ASN.1's distinguished encoding rules. */
export interface DerValue {
  /** The identifier octet. */
  readonly tag: number;
  readonly content: Uint8Array;
}

/** The values that follow each other in `bytes`. Throws "invalid-argument" if these are not whole values with
 *  definite lengths and tags of one octet, which is all that certificates have. */
export function readDer(bytes: Uint8Array): DerValue[] {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = octet(bytes, at);
    const first = octet(bytes, at + 1);
    let from = at + 2;
    let length = first;
    if (first >= 0x80) {
      const count = first & 0x7f;
      if (count === 0 || count > 4) throw malformed();
      length = 0;
      for (let more = 0; more < count; more++) length = length * 256 + octet(bytes, from++);
    }
    if (from + length > bytes.length || (tag & 0x1f) === 0x1f) throw malformed();
    values.push({ tag, content: bytes.subarray(from, from + length) });
    at = from + length;
  }
  return values;
}

function octet(bytes: Uint8Array, at: number): number {
  const value = bytes[at];
  if (value === undefined) throw malformed();
  return value;
}

function malformed(): RuntimeError {
  return new RuntimeError("invalid-argument", "a certificate is not valid DER");
}
