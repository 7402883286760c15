import { RuntimeError } from "../../../base/errors.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The elements of a BYTES tensor as strings. `data` is well formed (see `checkTensorBytes`). Throws
 *  RuntimeError "invalid-argument" for what an engine with C strings cannot take: bytes that are not UTF-8,
 *  and NUL, at which it would cut the element. */
export function decodeStrings(data: Uint8Array, what: string): string[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const strings: string[] = [];
  let offset = 0;
  while (offset < data.byteLength) {
    const end = offset + 4 + view.getUint32(offset, true);
    strings.push(
      decodeElement(data.subarray(offset + 4, end), `${what}: element ${strings.length}`),
    );
    offset = end;
  }
  return strings;
}

/** The elements of a BYTES tensor, as views of `data`, which is well formed. */
export function bytesElements(data: Uint8Array): Buffer[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const elements: Buffer[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const end = offset + 4 + bytes.readUInt32LE(offset);
    elements.push(bytes.subarray(offset + 4, end));
    offset = end;
  }
  return elements;
}

/** The inverse. */
export function encodeElements(elements: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const element of elements) {
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32LE(element.byteLength);
    parts.push(length, element);
  }
  return Buffer.concat(parts);
}

/** The inverse of `decodeStrings`, as UTF-8. */
export function encodeStrings(strings: readonly string[]): Uint8Array {
  let sizeBytes = 0;
  for (const text of strings) sizeBytes += 4 + Buffer.byteLength(text);
  const data = Buffer.allocUnsafeSlow(sizeBytes);
  let offset = 0;
  for (const text of strings) {
    const length = data.write(text, offset + 4);
    data.writeUInt32LE(length, offset);
    offset += 4 + length;
  }
  return data;
}

function decodeElement(bytes: Uint8Array, what: string): string {
  if (bytes.includes(0)) {
    throw new RuntimeError("invalid-argument", `${what} holds a NUL, which the engine cannot take`);
  }
  try {
    return utf8.decode(bytes);
  } catch {
    throw new RuntimeError(
      "invalid-argument",
      `${what} is not valid UTF-8, which the engine needs for BYTES`,
    );
  }
}
