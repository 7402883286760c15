/** Writes `id` into the field that `path` (field numbers, outermost first) names, in raw bytes and as
 *  ModelMesh does: the first occurrence is replaced; a field that is absent, and messages around it that
 *  are, are appended at the end. An empty path leaves the message as it is. Throws on what is not protobuf. */
export function injectId(message: Buffer, path: readonly number[], id: string): Buffer {
  const [field, ...inner] = path;
  if (field === undefined) return message;
  const found = findField(message, field);
  const old = found === undefined ? Buffer.alloc(0) : message.subarray(found.value, found.end);
  const value = inner.length === 0 ? Buffer.from(id) : injectId(old, inner, id);
  const written = Buffer.concat([varint(field * 8 + lengthDelimited), varint(value.length), value]);
  if (found === undefined) return Buffer.concat([message, written]);
  return Buffer.concat([message.subarray(0, found.start), written, message.subarray(found.end)]);
}

const lengthDelimited = 2;

interface FieldRange {
  readonly start: number;
  readonly value: number;
  readonly end: number;
}

function findField(message: Buffer, wanted: number): FieldRange | undefined {
  let at = 0;
  while (at < message.length) {
    const start = at;
    const [key, afterKey] = readVarint(message, at);
    const [value, end] = valueRange(message, afterKey, key % 8);
    if (end > message.length) throw new Error("message ends inside a field");
    if (Math.floor(key / 8) === wanted && key % 8 === lengthDelimited) return { start, value, end };
    at = end;
  }
  return undefined;
}

/** Where the value begins (behind its length, if it has one) and ends. */
function valueRange(message: Buffer, at: number, wireType: number): [value: number, end: number] {
  if (wireType === 0) return [at, readVarint(message, at)[1]];
  if (wireType === 1) return [at, at + 8];
  if (wireType === 5) return [at, at + 4];
  if (wireType !== lengthDelimited) throw new Error(`wire type ${wireType}`);
  const [length, value] = readVarint(message, at);
  return [value, value + length];
}

/** The number and the offset behind it. Exact up to 2^53, which lengths and keys are. */
function readVarint(message: Buffer, from: number): [number, number] {
  let value = 0;
  for (let at = from, factor = 1; at < from + 10; at++, factor *= 128) {
    const byte = message[at];
    if (byte === undefined) throw new Error("message ends inside a varint");
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return [value, at + 1];
  }
  throw new Error("varint of more than ten bytes");
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
