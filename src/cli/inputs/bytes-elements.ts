import { isUtf8 } from "node:buffer";

// Elements of BYTES tensors: the length as little-endian uint32, then the content.

export function encodeBytes(elements: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    elements.flatMap((element) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(element.length);
      return [length, element];
    }),
  );
}

/** The elements as text, or all of them as base64 if one is not valid UTF-8. */
export function decodeBytes(data: Uint8Array): {
  readonly isText: boolean;
  readonly elements: string[];
} {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const elements: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    elements.push(bytes.subarray(at + 4, end));
    at = end;
  }
  const isText = elements.every((element) => isUtf8(element));
  return { isText, elements: elements.map((bytes) => bytes.toString(isText ? "utf8" : "base64")) };
}
