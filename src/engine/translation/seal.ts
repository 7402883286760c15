import { createHash } from "node:crypto";

// The end of a translated file: an entry of ONNX's metadata_props that says of which translation the file is, and
// that it is whole. Repeated fields of protobuf may be appended, so the file with it is an ONNX model all the same.

export interface Seal {
  /** As `TranslatorCall.key`. */
  readonly key: string;
  readonly splits: number;
}

const name = "modelport.seal";
const keyDigits = 64;
/** Digits of a number of splits. */
const splitDigits = 12;
const sumDigits = 64;
const valueBytes = keyDigits + splitDigits + sumDigits;
const entryBytes = 2 + name.length + 3 + valueBytes;

/** metadata_props is field 14 of ModelProto; key and value are fields 1 and 2 of its entries. All are
 *  length-delimited. A length above 127 takes two bytes. */
const head = Buffer.concat([
  Buffer.from([(14 << 3) | 2, (entryBytes & 0x7f) | 0x80, entryBytes >> 7]),
  Buffer.from([(1 << 3) | 2, name.length]),
  Buffer.from(name, "latin1"),
  Buffer.from([(2 << 3) | 2, (valueBytes & 0x7f) | 0x80, valueBytes >> 7]),
]);
const sealBytes = head.length + valueBytes;

/** What to write after the ONNX model. */
export function sealOf(onnx: Uint8Array, { key, splits }: Seal): Uint8Array {
  const facts = key + String(splits).padStart(splitDigits, "0");
  return Buffer.concat([head, Buffer.from(facts + sumOf(onnx, facts), "latin1")]);
}

/** The seal of a whole file. Undefined if it has none, or has changed since it was sealed. */
export function readSeal(file: Uint8Array): Seal | undefined {
  const end = file.length - sealBytes;
  if (end < 0) return undefined;
  const onnx = file.subarray(0, end);
  const value = Buffer.from(file.subarray(end + head.length)).toString("latin1");
  if (head.compare(file, end, end + head.length) !== 0) return undefined;
  const facts = value.slice(0, keyDigits + splitDigits);
  if (!/^[0-9a-f]{64}\d{12}$/.test(facts) || value.slice(facts.length) !== sumOf(onnx, facts)) {
    return undefined;
  }
  return { key: facts.slice(0, keyDigits), splits: Number(facts.slice(keyDigits)) };
}

function sumOf(onnx: Uint8Array, facts: string): string {
  return createHash("sha256").update(onnx).update(facts, "latin1").digest("hex");
}
