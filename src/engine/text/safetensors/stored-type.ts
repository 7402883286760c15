/** The element types of the format, and how many bits an element takes. */
const bitsOf = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

export type StoredType = keyof typeof bitsOf;

export function isStoredType(name: unknown): name is StoredType {
  return typeof name === "string" && Object.hasOwn(bitsOf, name);
}

/** Bytes of a tensor; undefined if they are not a whole number, or too many to count exactly. */
export function storedBytes(type: StoredType, shape: readonly number[]): number | undefined {
  // An axis without elements leaves none, however long the others are.
  if (shape.includes(0)) return 0;
  let bits: number = bitsOf[type];
  for (const size of shape) {
    bits *= size;
    if (!Number.isSafeInteger(bits)) return undefined;
  }
  return bits % 8 === 0 ? bits / 8 : undefined;
}
