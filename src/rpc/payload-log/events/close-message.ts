import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";

const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
const maxDepth = 20;

/** A whole message from the start of one: what does not end is ended where the bytes do, bytes and texts included.
 *  Fields that cannot be ended are left out. */
export function closeMessage(message: DescMessage, bytes: Buffer, depth = 0): Buffer {
  let at = 0;
  while (at < bytes.length) {
    const start = at;
    const tag = varintAt(bytes, at);
    if (tag === undefined) return bytes.subarray(0, start);
    at = tag.end;
    const kind = tag.value & 7;
    if (kind === wire.varint) at = varintAt(bytes, at)?.end ?? Number.POSITIVE_INFINITY;
    else if (kind === wire.fixed32) at += 4;
    else if (kind === wire.fixed64) at += 8;
    else if (kind === wire.bytes) {
      const length = varintAt(bytes, at);
      if (length === undefined) return bytes.subarray(0, start);
      at = length.end + length.value;
      if (at > bytes.length) {
        const field = message.fields.find(({ number }) => number === tag.value >>> 3);
        const content = closedContent(field, bytes.subarray(length.end), depth);
        if (content === undefined) return bytes.subarray(0, start);
        return Buffer.concat([bytes.subarray(0, tag.end), varint(content.length), content]);
      }
    } else return bytes.subarray(0, start);
    if (at > bytes.length) return bytes.subarray(0, start);
  }
  return bytes;
}

function closedContent(
  field: DescField | undefined,
  content: Buffer,
  depth: number,
): Buffer | undefined {
  if (field === undefined || field.fieldKind === "map") return undefined;
  if (field.message !== undefined) {
    return depth < maxDepth ? closeMessage(field.message, content, depth + 1) : undefined;
  }
  switch (field.scalar) {
    case ScalarType.BYTES:
      return content;
    case ScalarType.STRING:
      return content.subarray(0, textEnd(content));
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return content.subarray(0, content.length - (content.length % 4));
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return content.subarray(0, content.length - (content.length % 8));
    default:
      return content.subarray(0, 1 + content.findLastIndex((byte) => byte < 0x80));
  }
}

/** Where the last whole letter of UTF-8 ends. */
export function textEnd(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) return bytes.length;
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return needed > back ? bytes.length - back : bytes.length;
    }
  }
  return bytes.length;
}

/** Undefined if it does not end. Lengths and tags are below 2^53. */
function varintAt(
  bytes: Buffer,
  start: number,
): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let at = start, scale = 1; at < Math.min(bytes.length, start + 10); at++, scale *= 128) {
    const byte = bytes[at] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, end: at + 1 };
  }
  return undefined;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}
