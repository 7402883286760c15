// Protobuf messages as lists of pieces: nested messages are not copied until the outermost one is written.

/** A message, or a part of one. */
export interface Pieces {
  readonly pieces: readonly Uint8Array[];
  readonly sizeBytes: number;
}

const varintField = 0;
const bytesField = 2;
const fixed32Field = 5;

const encoder = new TextEncoder();

export function message(fields: readonly Pieces[]): Pieces {
  let sizeBytes = 0;
  for (const field of fields) sizeBytes += field.sizeBytes;
  return { pieces: fields.flatMap(({ pieces }) => pieces), sizeBytes };
}

export function nested(field: number, inner: Pieces): Pieces {
  const head = varints([field * 8 + bytesField, inner.sizeBytes]);
  return { pieces: [head, ...inner.pieces], sizeBytes: head.byteLength + inner.sizeBytes };
}

/** `content` is not copied. */
export function bytes(field: number, content: Uint8Array): Pieces {
  return nested(field, { pieces: [content], sizeBytes: content.byteLength });
}

export function text(field: number, content: string): Pieces {
  return bytes(field, encoder.encode(content));
}

export function integer(field: number, value: number): Pieces {
  const encoded = varints([field * 8 + varintField, value]);
  return { pieces: [encoded], sizeBytes: encoded.byteLength };
}

export function float32(field: number, value: number): Pieces {
  const encoded = new Uint8Array(5);
  encoded[0] = field * 8 + fixed32Field;
  new DataView(encoded.buffer).setFloat32(1, value, true);
  return { pieces: [encoded], sizeBytes: encoded.byteLength };
}

/** A packed list, empty or not. */
export function integers(field: number, values: ArrayLike<number>): Pieces {
  return bytes(field, varints(values));
}

export function joined({ pieces, sizeBytes }: Pieces): Uint8Array {
  const target = new Uint8Array(sizeBytes);
  let offset = 0;
  for (const piece of pieces) {
    target.set(piece, offset);
    offset += piece.byteLength;
  }
  return target;
}

/** Whole numbers of up to 53 bits, one after another in base 128. Negative ones take ten bytes, as 64-bit integers do. */
function varints(values: ArrayLike<number>): Uint8Array {
  let size = 0;
  for (let at = 0; at < values.length; at++) size += varintBytes(values[at] as number);
  const target = new Uint8Array(size);
  let offset = 0;
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as number;
    offset = value < 0 ? putNegative(target, offset, value) : put(target, offset, value);
  }
  return target;
}

function varintBytes(value: number): number {
  if (value < 0) return 10;
  let count = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) count++;
  return count;
}

function put(target: Uint8Array, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) target[at++] = (rest % 128) | 0x80;
  target[at++] = rest;
  return at;
}

function putNegative(target: Uint8Array, offset: number, value: number): number {
  let at = offset;
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 0x80n; rest >>= 7n) target[at++] = Number(rest & 0x7fn) | 0x80;
  target[at++] = Number(rest);
  return at;
}
