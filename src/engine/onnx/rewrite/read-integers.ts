import type { Field, ModelReader } from "./model-reader.ts";

/** The integers of a field, which holds one or, packed, any number; signed, 64 bits. */
export function readIntegers(reader: ModelReader, { content, end }: Field): bigint[] {
  const integers: bigint[] = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of reader.bytes(content, end)) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (byte >= 0x80) continue;
    integers.push(BigInt.asIntN(64, value));
    value = 0n;
    shift = 0n;
  }
  return integers;
}
